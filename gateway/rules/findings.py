"""What the steps find, gathered in the order they find it."""


class Findings:
    """A judgement in the making. `until`: the earliest instant by what has been found so far."""

    __slots__ = ("basis", "denied", "now", "reasons", "required", "until", "warnings")

    def __init__(self, now: int, warnings: tuple[str, ...] = ()):
        self.denied = False
        self.now = self.until = now
        self.reasons: dict[str, None] = {}
        self.basis: dict[str, None] = {}
        self.required: dict[str, None] = {}
        self.warnings: dict[str, None] = dict.fromkeys(warnings)

    def deny(self, rule: str) -> None:
        """Not at all, by this rule."""
        self.denied = True
        self.reasons[rule] = None

    def defer(self, rule: str, until: int) -> None:
        """Not before then, by this rule."""
        self.until = max(self.until, until)
        self.reasons[rule] = None

    def permit(self, ground: str) -> None:
        """A rule or a kind of consent that lets it go."""
        self.basis[ground] = None

    def warn(self, rule: str) -> None:
        """Nothing is stopped, but somebody should know."""
        self.warnings[rule] = None
