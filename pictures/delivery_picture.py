"""Draws the delivery: one stage below the other, in the order in which a release passes them."""

from pictures.area import Area
from pictures.canvas import MARGIN, WIDTH, Canvas
from pictures.delivery import Delivery, Stage
from pictures.palette import ACCOUNT, GATE, MUTED, REGION
from pictures.stage_picture import account, draw_approval, draw_environment

INNER = WIDTH - 2 * MARGIN
TOP = 56
STEP = 24
"""Between two stages: an arrow's length."""
PREPARATION, ENVIRONMENT, APPROVAL, LEGEND = 132, 130, 54, 66
"""How high a row is: that of the stages before any environment, an environment's, a gate's, the legend's."""


def delivery_picture(delivery: Delivery) -> Canvas:
    """The picture of a delivery."""
    first = next(index for index, stage in enumerate(delivery.stages) if stage.deploys or stage.asks)
    rows = [(stage, ENVIRONMENT if stage.deploys else APPROVAL) for stage in delivery.stages[first:]]
    names = ", then ".join(stage.name for stage, _ in rows)
    canvas = Canvas(
        title=f"From a push to {rows[-1][0].name}",
        description=f"A push is built and updates the pipeline itself; it then passes {names}. "
        "Each environment deploys its stacks one after the other, each change set past a guard, and is then verified.",
        height=TOP + PREPARATION + sum(STEP + height for _, height in rows) + LEGEND,
    )
    _preparation(canvas, delivery, delivery.stages[:first], Area(x=MARGIN, y=TOP, width=INNER, height=PREPARATION))
    y = float(TOP + PREPARATION)
    for stage, height in rows:
        canvas.arrow((WIDTH / 2, y), (WIDTH / 2, y + STEP))
        area = Area(x=MARGIN, y=y + STEP, width=INNER, height=height)
        (draw_environment if stage.deploys else draw_approval)(canvas, stage, area)
        y = area.bottom
    guarded = any(action.category == "Invoke" for stage in delivery.stages for action in stage.actions)
    _legend(canvas, y + 28, guarded=guarded)
    return canvas


def _preparation(canvas: Canvas, delivery: Delivery, stages: tuple[Stage, ...], area: Area) -> None:
    """What a commit passes before any environment; the stage that updates the pipeline leads back to the first."""
    canvas.frame(area, ACCOUNT)
    region = Area(x=area.x + 10, y=area.y + 30, width=area.width - 20, height=area.height - 40)
    canvas.frame(region, REGION)
    canvas.text(account(delivery.home), x=area.x + 12, y=area.y + 20, size=14, bold=True)
    canvas.text(delivery.home.region, x=region.x + 10, y=region.y + 19, bold=True, ink=REGION.ink)
    row = Area(x=region.x + 134, y=region.y + 12, width=region.width - 146, height=44)
    boxes = row.columns(len(stages), gap=36)
    for index, (stage, box) in enumerate(zip(stages, boxes, strict=True)):
        commands = [command for action in stage.actions for command in action.commands]
        canvas.box(box, stage.name, " and ".join(commands) or "a push")
        if index:
            canvas.arrow((boxes[index - 1].right, box.middle), (box.x, box.middle))
        if f"cdk deploy {delivery.stack}" in commands:
            y = box.bottom + 22
            canvas.arrow((box.centre, box.bottom), (box.centre, y), (boxes[0].centre, y), (boxes[0].centre, box.bottom))
            told = "changed itself? It starts over with the same commit"
            canvas.text(told, x=(boxes[0].centre + box.centre) / 2, y=y - 6, ink=MUTED, anchor="middle")


def _legend(canvas: Canvas, y: float, *, guarded: bool) -> None:
    x = float(MARGIN)
    for paint, told in ((ACCOUNT, "an account"), (REGION, "a region"), (GATE, "a gate: a release may stop here")):
        canvas.frame(Area(x=x, y=y - 11, width=20, height=14), paint)
        canvas.text(told, x=x + 28, y=y, ink=MUTED)
        x += 140
    if guarded:
        told = "Prepare makes a change set, Guard refuses it where stored data would be lost, Deploy executes it."
        canvas.text(told, x=MARGIN, y=y + 22, ink=MUTED)
