"""A page that an approval links to: fetched out of the emulated bucket, for the browser and the terminal."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import ClientError

from rehearsal.actions.context import Context


def fetched(link: str, context: Context) -> list[str]:
    """What to say of a link: where the page was saved, and its text; nothing of a link that leads elsewhere.

    Args:
        link: A link into the console of S3, `.../s3/object/BUCKET?region=...&prefix=KEY`.
        context: The approval's.
    """
    address = urlsplit(link)
    key = parse_qs(address.query).get("prefix", [""])[0]
    if not address.path.startswith("/s3/object/") or not key:
        return []
    bucket = address.path.removeprefix("/s3/object/")
    saved: list[Path] = []
    for name in (key, key.removesuffix(".html") + ".txt"):
        try:
            content = (
                context.client("s3", region=context.home.region).get_object(Bucket=bucket, Key=name)["Body"].read()
            )
        except ClientError as error:
            return [f"The page is missing: {error}"]
        file = context.workplace.logs / f"plan-{Path(name).name}"
        file.write_bytes(content)
        saved.append(file)
    page, text = saved
    return [f"The page, for a browser: {page}", "", *text.read_text(encoding="utf-8").splitlines()]
