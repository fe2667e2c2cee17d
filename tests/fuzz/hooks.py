"""What the fuzzer leaves alone: the key that it works with, and its own way in."""

import os

import schemathesis

OWN = f"key_{os.environ['FUZZ_KEY'][3:11]}"


@schemathesis.hook
def before_call(context, case, kwargs):
    """Whoever ends his own key is refused ever after, and finds nothing any more."""
    if case.path_parameters.get("id") == OWN and case.method != "GET":
        case.path_parameters["id"] = "key_00000000"
    if isinstance(case.body, dict) and case.body.get("force") is True:
        kwargs["json"] = case.body | {"force": False}
