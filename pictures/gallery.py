"""The pictures of an assembly, by the names of their files in docs/."""

from collections.abc import Mapping

from pictures.canvas import Canvas
from pictures.delivery_picture import delivery_picture
from pictures.delivery_reading import delivery
from pictures.platform_picture import platform_picture
from pictures.platform_reading import platform
from tests.templates import Assembly


def gallery(assembly: Assembly) -> Mapping[str, Canvas]:
    """Every picture, drawn."""
    read = delivery(assembly)
    platforms = [platform(assembly, name) for name in read.environments]
    return {"delivery.svg": delivery_picture(read), "platform.svg": platform_picture(platforms)}
