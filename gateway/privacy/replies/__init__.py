"""What guests answer: understood by the rules, acted on at once, decided by a person where it can be read in two ways,
and answered where the law has an answer for it."""
