"""A drawing of reports, for a page or a mail: an SVG without a script, told in words as well."""

from collections.abc import Sequence
from html import escape

from gateway.simulation.report import Report

WIDTH, HEIGHT, HEAD, GAP = 720, 140, 46, 24


def picture(reports: Sequence[Report]) -> str:
    """One chart for each, below one another and on the same scale: admitted requests in blue, refused ones striped
    above them."""
    tallest = max(one.admitted + one.refused for report in reports for one in report.slices)
    charts = "".join(_chart(report, number, tallest) for number, report in enumerate(reports))
    words = " ".join(_words(report) for report in reports)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 40} {len(reports) * (HEAD + HEIGHT + GAP)}" '
        'role="img" aria-labelledby="title desc" font-family="sans-serif" font-size="14">'
        f'<title id="title">Requests admitted and refused over time</title><desc id="desc">{escape(words)}</desc>'
        '<defs><pattern id="refused" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="6" height="6" fill="#fff"/><rect width="3" height="6" fill="#a3261b"/></pattern></defs>'
        f'<rect width="100%" height="100%" fill="#fff"/>{charts}</svg>\n'
    )


def _chart(report: Report, number: int, tallest: int) -> str:
    top = number * (HEAD + HEIGHT + GAP)
    floor, width = top + HEAD + HEIGHT, WIDTH / len(report.slices)
    bars = []
    for place, one in enumerate(report.slices):
        left, lower, upper = 20 + place * width, one.admitted * HEIGHT / tallest, one.refused * HEIGHT / tallest
        bars += [
            f'<rect x="{left:.1f}" y="{floor - below - height:.1f}" width="{width * 0.9:.1f}" height="{height:.1f}" '
            f'fill="{fill}"/>'
            for below, height, fill in ((0, lower, "#1f5f99"), (lower, upper, "url(#refused)")) if height
        ]  # fmt: skip
    return (
        f'<text x="20" y="{top + 20}" fill="#111">{escape(_words(report))}</text>'
        f'<text x="20" y="{top + 38}" fill="#444" font-size="12">{escape(_scale(report, tallest))}</text>'
        f'{"".join(bars)}<path d="M20 {floor}H{WIDTH + 20}" stroke="#444"/>'
    )


def _words(report: Report) -> str:
    return f"{report.rules}: {report.asked:,} asked, {report.admitted:,} admitted, {report.refused:,} refused."


def _scale(report: Report, tallest: int) -> str:
    span = f"{report.slices[0].at} to {report.slices[-1].at}"
    return f"{span}; the full height is {tallest:,} in {report.slice_seconds} s; striped: refused"
