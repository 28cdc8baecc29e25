"""Draws a stage of the delivery: an environment that is deployed, or a question to a person."""

from pictures.area import Area, text_width
from pictures.canvas import Canvas
from pictures.delivery import Action, Block, Place, Stage
from pictures.delivery_words import holds, result
from pictures.palette import ACCOUNT, GATE, MUTED, PLAIN, REGION, Paint

GAP = 18
"""Between two boxes: an arrow's length."""


def account(place: Place) -> str:
    """What an account is called."""
    return f"{place.owner} account"


def draw_environment(canvas: Canvas, stage: Stage, area: Area) -> None:
    """An environment's stage: its stacks from left to right, and what has to hold before it, after it, or failed."""
    canvas.frame(area, ACCOUNT)
    owner = next(action.place for action in stage.actions if action.stack)
    canvas.text(stage.name, x=area.x + 12, y=area.y + 22, size=16, bold=True)
    beside = area.x + 26 + text_width(stage.name, size=16, bold=True)
    canvas.text(account(owner), x=beside, y=area.y + 22, ink=MUTED)
    for condition in stage.when("BeforeEntry"):
        canvas.box(Area(x=area.x + 250, y=area.y + 6, width=384, height=24), holds(condition)[0], paint=GATE)
    for condition in stage.when("OnFailure"):
        told = f"Failed? {result(condition).capitalize()}"
        canvas.text(told, x=area.right - 12, y=area.y + 22, ink=MUTED, anchor="end")
    x, middle = area.x + 10, area.y + 78
    ends: list[Area] = []
    for block in stage.blocks():
        if block.stack:
            place = Area(x=x, y=middle - 42, width=256, height=84)
            if x > area.x + 10:
                canvas.arrow((x - GAP, middle), (x, middle))
            _stack(canvas, block, place)
            ends = [place]
        else:
            place = Area(x=x + 8, y=middle - 42, width=124, height=84)
            ends = _together(canvas, block, place, at_home=owner.owner, start=x - GAP)
        x = place.right + GAP
    for condition in stage.when("OnSuccess"):
        for end in ends:
            canvas.arrow((end.right, end.middle), (x, end.middle))
        canvas.box(Area(x=x, y=middle - 42, width=area.right - 10 - x, height=84), *holds(condition), paint=GATE)


def _stack(canvas: Canvas, block: Block, area: Area) -> None:
    """A stack's actions, in the region that it is deployed to."""
    canvas.frame(area, REGION)
    canvas.text(block.place.region, x=area.x + 10, y=area.y + 18, bold=True, ink=REGION.ink)
    canvas.text(block.stack, x=area.right - 10, y=area.y + 18, ink=REGION.ink, anchor="end")
    row = Area(x=area.x + 8, y=area.y + 34, width=area.width - 16, height=36)
    boxes = row.columns(len(block.actions), gap=GAP)
    for index, (action, box) in enumerate(zip(block.actions, boxes, strict=True)):
        canvas.box(box, action.name, paint=_paint(action))
        if index:
            canvas.arrow((boxes[index - 1].right, box.middle), (box.x, box.middle))


def _together(canvas: Canvas, block: Block, area: Area, *, at_home: str, start: float) -> list[Area]:
    """Actions that run at the same time, one above the other; each says where it works."""
    boxes = []
    top = area.middle - (len(block.actions) * 46 - 8) / 2
    for index, action in enumerate(block.actions):
        place = action.place.region if action.place.owner == at_home else account(action.place)
        box = Area(x=area.x, y=top + 46 * index, width=area.width, height=38)
        canvas.box(box, action.name, place, paint=_paint(action))
        fork = (start + 10, area.middle), (start + 10, box.middle)
        canvas.arrow((start, area.middle), *(fork if len(block.actions) > 1 else ()), (area.x, box.middle))
        boxes.append(box)
    return boxes


def draw_approval(canvas: Canvas, stage: Stage, area: Area) -> None:
    """A stage in which a person is asked: what is prepared for that, the question, and when it is asked."""
    canvas.frame(area, GATE)
    x = area.x + 10
    prepared = [action for action in stage.actions if action.category != "Approval"]
    for action in prepared:
        box = Area(x=x, y=area.y + 8, width=122, height=area.height - 16)
        canvas.box(box, action.name, account(action.place))
        canvas.arrow((box.right, area.middle), (box.right + GAP, area.middle), ink=GATE.ink)
        x = box.right + GAP
    canvas.person(x=x + 20, y=area.middle, ink=GATE.ink)
    canvas.text(stage.name, x=x + 40, y=area.middle + 5, size=14, bold=True, ink=GATE.ink)
    beside = max(x + 190, x + 60 + text_width(stage.name, size=14, bold=True))
    always = "Always asked, with the plan of what changes" if prepared else "Always asked"
    asked = [", ".join(holds(condition)) for condition in stage.when("BeforeEntry")] or [always]
    for index, line in enumerate(("A person decides", *asked)):
        canvas.text(line, x=beside, y=area.middle - 4 + 17 * index, ink=GATE.ink, room=area.right - beside)


def _paint(action: Action) -> Paint:
    return GATE if action.category in ("Approval", "Invoke") else PLAIN
