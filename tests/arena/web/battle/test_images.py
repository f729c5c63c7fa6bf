"""Images in prompts, from the file that a visitor sends to the bytes that models get and the log keeps."""

import hashlib
import io
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest
from PIL import Image

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.refusal import Refusal
from agon.arena.web.battle.image_uploads import LONGEST_SIDE, MOST_PIXELS, clean_image
from agon.data.log.vote_log import VoteLog
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.images import bomb, image_bytes, photo

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@dataclass
class Seeing(Scripted):
    """A model that takes images, and notes the bytes of those it was sent, by turn."""

    images: bool = True

    def __post_init__(self):
        self.seen = []

    async def stream(self, messages, sampling):
        self.seen.append(
            [[image.path.read_bytes() for image in m.images] for m in messages if m.role == "user"]
        )
        async for event in super().stream(messages, sampling):
            yield event


def seeing(*texts):
    return roster(*(Seeing(text) for text in texts or ("One.", "Two.")))


def attach(visitor, content, kind="image/png"):
    return visitor._kept(visitor.http.post("/api/images", content=content, headers={"content-type": kind}))


def start(visitor, *hashes, prompt="What is this?", alt=None):
    images = [{"sha256": sha256, "alt": alt} for sha256 in hashes]
    return visitor.post("/api/battles", {"prompt": prompt, "images": images})


def opened(image):
    return Image.open(io.BytesIO(image.content))


# --- what is kept of a file ------------------------------------------------------------------------------


def test_a_photo_is_upright_and_says_nothing_of_where_it_was_taken():
    image = clean_image(photo())
    assert image.ending == ".jpg"
    assert image.sha256 == hashlib.sha256(image.content).hexdigest()
    found = opened(image)
    assert found.size == (200, 300), "orientation 6 is a quarter turn"
    red, green, _ = found.getpixel((100, 30))
    assert (red > 200, green < 60) == (True, True), "what was left is above now"
    assert found.getpixel((100, 280))[1] > 200
    assert not found.getexif() and "comment" not in found.info
    for secret in (b"canary", b"Exif", b"GPS"):
        assert secret in photo() or secret == b"GPS"
        assert secret not in image.content


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_the_formats_that_are_taken_and_their_size(kind):
    found = opened(clean_image(image_bytes(kind, (4_000, 1_000))))
    assert found.size == (LONGEST_SIDE, LONGEST_SIDE // 4)
    assert found.format == ("PNG" if kind in ("PNG", "GIF") else "JPEG")
    assert all(
        abs(a - b) < 8 for a, b in zip(found.convert("RGB").getpixel((9, 9)), (0, 128, 128), strict=True)
    )


def test_pixels_as_people_see_them():
    """Transparent is white, 16 bits are scaled, of a moving picture the first one is kept, CMYK is read."""
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    out = io.BytesIO()
    clear.save(out, "PNG")
    assert opened(clean_image(out.getvalue())).getpixel((1, 1)) == (255, 255, 255)
    assert opened(clean_image(image_bytes(mode="I;16", colour=32_768))).getpixel((1, 1)) == (128, 128, 128)
    frames = [Image.new("P", (8, 8), n) for n in (0, 1)]
    for frame in frames:
        frame.putpalette([255, 0, 0, 0, 0, 255])
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    assert opened(clean_image(out.getvalue())).getpixel((1, 1)) == (255, 0, 0)
    assert opened(clean_image(image_bytes("JPEG", mode="CMYK", colour=(0, 255, 255, 0)))).mode == "RGB"


BAD = {
    "bomb": (bomb(), "more than 50 million pixels"),
    "just-too-many": (
        image_bytes(mode="1", size=(10_000, MOST_PIXELS // 10_000 + 1), colour=0),
        "50 million",
    ),
    "svg": (SVG, "This is no image"),
    "text": (b"GET / HTTP/1.1\r\n", "This is no image"),
    "empty": (b"", "This is no image"),
    "truncated-png": (image_bytes(size=(500, 500))[:-700], "This is no image"),
    "truncated-jpeg": (photo()[:-900], "This is no image"),
    "tiff": (image_bytes("TIFF"), "This is no image"),
    "pdf": (image_bytes("PDF"), "This is no image"),
    "html-in-png": (b"\x89PNG\r\n\x1a\n<script>", "This is no image"),
}


@pytest.mark.parametrize(("content", "said"), BAD.values(), ids=BAD)
def test_what_is_no_image_is_refused_in_a_sentence(content, said):
    with pytest.raises(Refusal, match=said) as refused:
        clean_image(content)
    assert refused.value.status == 422
    assert refused.value.__cause__ is None


# --- a battle --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    models = seeing("One.", "Two.", "Three.")
    blind = roster(*(Scripted("Blind.") for _ in range(5))).contestants[3:]
    both = type(models)((*models.contestants, *blind), models.examples)
    settings = ArenaSettings(seed=7, images=2, image_bytes=100_000, running_per_voter=50)
    with open_arena(tmp_path_factory.mktemp("log"), both, settings) as arena:
        yield arena


def test_images_reach_the_models_of_every_turn_and_the_log(server):
    visitor = server.visitor()
    assert visitor.get("/api/start").json()["images"] == 2
    first, second = (attach(visitor, c).json()["sha256"] for c in (image_bytes(), image_bytes(colour="red")))
    assert not list(server.log.folder.glob("images/*")), "what no prompt was asked with is in memory alone"
    begun = start(visitor, first, second, alt="  A teal\nfield ").json()
    view = visitor.finish(begun["battle"])
    assert (view["state"], view["images"]) == ("ready", 2)
    assert view["prompt_images"] == [{"sha256": one, "alt": "A teal field"} for one in (first, second)]
    third = attach(visitor, image_bytes(colour="blue")).json()["sha256"]
    more = {"prompt": "And this?", "images": [{"sha256": third}, {"sha256": first}]}
    assert visitor.post(f"/api/battles/{view['battle']}/prompts", more).status_code == 200
    view = visitor.finish(view["battle"])
    running = server.arena.battle(visitor_session(server, visitor), view["battle"])
    kept = {path.stem: path.read_bytes() for path in server.log.folder.glob("images/*.png")}
    assert set(kept) == {first, second, third}
    assert all(hashlib.sha256(content).hexdigest() == name for name, content in kept.items())
    wanted = [[kept[first], kept[second]], [kept[third], kept[first]]]
    for side in running.battle.sides:
        assert side.contestant.images, "of those that see"
        assert side.contestant.backend.seen[-1] == wanted, "earlier images are sent again"
    assert running.battle.draw.group_probability == pytest.approx(1 / 3), "of three pairs of three that see"
    voted = visitor.vote(view).json()
    records = server.log.records(view["battle"])
    assert [[image.sha256 for image in one.images] for one in records if hasattr(one, "prompt")] == [
        [first, second],
        [third, first],
    ]
    for sha256 in (first, third):
        assert f"./api/battles/{view['battle']}/images/{sha256}" in voted["html"]
    assert 'alt="A teal field"' in voted["html"]
    shown = visitor.get(f"/api/battles/{view['battle']}/images/{first}")
    assert (shown.content, shown.headers["content-type"]) == (kept[first], "image/png")
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "script-src" in shown.headers["content-security-policy"]
    other = server.visitor()
    for path in (f"/api/battles/{view['battle']}/images/{first}", f"/api/images/{first}"):
        assert other.get(path).status_code == 404, "an image is its own voter's"
    assert start(other, first).json()["error"] == "no_image", "nor can another one ask with it"
    assert b"canary" not in other.bytes
    again = start(visitor, first)
    assert again.status_code == 200, "the same prompt again, with its image"


def visitor_session(server, visitor):
    return server.arena.keys.session(visitor.http.cookies["agon_session"])


def test_the_same_image_is_kept_once_and_nothing_leaks_before_the_vote(server):
    visitor, content = server.visitor(), image_bytes(colour="olive")
    one, two = attach(visitor, content).json(), attach(visitor, content).json()
    assert one == two
    before = set(server.log.folder.glob("images/*"))
    for _ in range(2):
        assert start(visitor, one["sha256"]).status_code == 200
    assert len(set(server.log.folder.glob("images/*")) - before) == 1
    assert b"canary" not in visitor.bytes


def test_what_is_refused_says_why(server):
    visitor = server.visitor()
    assert attach(visitor, SVG, "image/svg+xml").json()["error"] == "no_image"
    assert attach(visitor, b"text", "image/png").json()["sentence"].startswith("This is no image")
    assert attach(visitor, b"text", "text/plain").status_code == 415
    large = attach(visitor, b"x" * 100_001)
    assert (large.status_code, large.json()["error"]) == (413, "large_image")
    assert "larger than 0.1 MB" in large.json()["sentence"]
    hashes = [attach(visitor, image_bytes(colour=c)).json()["sha256"] for c in ("red", "blue", "lime")]
    assert start(visitor, *hashes).json()["sentence"] == "A prompt takes up to 2 images. Remove some."
    for sha256 in ("f" * 64, "../secret.key"):
        assert start(visitor, sha256).json()["error"] == "no_image"
        assert visitor.get(f"/api/images/{sha256}").status_code == 404
    refused = visitor.http.post(
        "/api/images", content=image_bytes(), headers={"origin": "http://evil.example"}
    )
    assert refused.status_code == 403
    for _ in range(20):
        last = attach(visitor, image_bytes(size=(2, 2)))
    assert (last.status_code, last.json()["error"]) == (429, "too_many_images")
    assert "Wait" in last.json()["sentence"]
    stranger = visitor.http.__class__(base_url=server.url)
    assert stranger.post("/api/images", content=b"", headers={"content-type": "image/png"}).status_code == 403
    stranger.close()


def test_a_restart_keeps_images_and_goes_on_with_them(tmp_path):
    models = seeing()
    with open_arena(tmp_path, models) as arena:
        visitor = arena.visitor()
        sha256 = attach(visitor, photo(), "image/jpeg").json()["sha256"]
        view = visitor.finish(start(visitor, sha256, alt="A flag").json()["battle"])
        cookies = dict(visitor.http.cookies)
    (tmp_path / "images" / ".half.png.00").write_bytes(b"half")
    with open_arena(tmp_path, models) as arena:
        assert [path.name for path in (tmp_path / "images").iterdir()] == [f"{sha256}.jpg"]
        visitor = arena.visitor()
        visitor.http.cookies.clear()
        visitor.http.cookies.update(cookies)
        again = visitor.get(f"/api/battles/{view['battle']}").json()
        assert again["prompt_images"] == [{"sha256": sha256, "alt": "A flag"}]
        shown = visitor.get(f"/api/battles/{view['battle']}/images/{sha256}")
        assert hashlib.sha256(shown.content).hexdigest() == sha256
        visitor.post(f"/api/battles/{view['battle']}/prompts", {"prompt": "And its colours?"})
        visitor.finish(view["battle"])
        content = (tmp_path / "images" / f"{sha256}.jpg").read_bytes()
        for contestant in models.contestants:
            assert contestant.backend.seen[-1] == [[content], []]


def test_with_fewer_models_that_see_than_a_battle_needs_there_are_no_images(tmp_path):
    one = roster(Seeing("One."), Scripted("Two."))
    with open_arena(tmp_path, one) as arena:
        visitor = arena.visitor()
        assert visitor.get("/api/start").json()["images"] == 0
        sha256 = attach(visitor, image_bytes()).json()["sha256"]
        refused = start(visitor, sha256).json()
        assert (refused["error"], refused["sentence"][:33]) == (
            "no_images",
            "These models cannot see images. R",
        )
        view = visitor.ready()
        assert view["images"] == 0
        more = {"prompt": "And this?", "images": [{"sha256": sha256}]}
        assert visitor.post(f"/api/battles/{view['battle']}/prompts", more).json()["error"] == "no_images"


def test_a_model_that_refuses_images_is_replaced_and_not_blamed(tmp_path):
    models = [Seeing("One."), Seeing("Two."), Seeing("Three.", fails="no_images")]
    with open_arena(tmp_path, roster(*models), ArenaSettings(seed=3, running_per_voter=50)) as arena:
        visitor = arena.visitor()
        sha256 = attach(visitor, image_bytes()).json()["sha256"]
        for _ in range(6):
            view = visitor.finish(start(visitor, sha256).json()["battle"])
            assert view["state"] == "ready"
            visitor.vote(view)
        assert models[2].seen, "it was drawn"
        assert arena.arena.contestants.endings.failures("canary-2-id")["no_images"] >= 1
        assert arena.arena.contestants.endings.reliability("canary-2-id") in ("", "100.0%")
        assert "canary-2-id" not in arena.arena.contestants.unavailable


def test_what_the_disk_does_not_take_is_asked_again_or_without(tmp_path, capsys):
    with open_arena(tmp_path, seeing(), ArenaSettings(seed=3, running_per_voter=50)) as arena:
        visitor = arena.visitor()
        sha256 = attach(visitor, image_bytes()).json()["sha256"]
        (tmp_path / "images").write_text("in the way")
        refused = start(visitor, sha256).json()
        assert refused["sentence"] == "The images could not be kept. Try again, or remove them."
        assert "an image could not be kept:" in capsys.readouterr().err
        assert arena.log._rows("SELECT count(*) FROM battles") == [(0,)]
        assert start(visitor).status_code == 200
        (tmp_path / "images").unlink()
        assert start(visitor, sha256).status_code == 200


def test_a_battle_is_void_where_both_refuse_and_words_are_answered(tmp_path):
    models = roster(*(Seeing("Blind.", fails="no_images") for _ in range(2)))
    with open_arena(tmp_path, models) as arena:
        visitor = arena.visitor()
        sha256 = attach(visitor, image_bytes()).json()["sha256"]
        view = visitor.finish(start(visitor, sha256).json()["battle"])
        assert view["state"] == "void"
        assert "These models cannot see your images. Remove them, and ask with words." in view["html"]
        assert visitor.get(f"/api/images/{sha256}").status_code == 200, "it is there for another try"
        for contestant in models.contestants:
            contestant.backend.fails = None
        assert visitor.finish(start(visitor).json()["battle"])["state"] == "ready"


PROGRAM = """
import sys
from pathlib import Path
from agon.data.log.image_files import CleanImage, keep_image
from agon.data.log.records import AttachedImage
from agon.data.log.vote_log import VoteLog
from tests.support.images import image_bytes
from tests.support.log_records import battle
with VoteLog(sys.argv[1]) as log:
    for n in range(100_000):
        image = CleanImage(image_bytes(colour=(n % 256, n // 256 % 256, 7)), ".png")
        keep_image(log.folder, image)
        log.write(battle(images=(AttachedImage(image.sha256),))).result(30)
        print(n, flush=True)
"""


def test_killed_at_any_moment_the_log_names_no_image_that_is_not_there(tmp_path):
    for pause in (0.0, 0.021):
        with subprocess.Popen([sys.executable, "-c", PROGRAM, tmp_path], stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            time.sleep(pause)
            child.kill()
            told = 1 + len(child.stdout.read().splitlines())
        with VoteLog(tmp_path) as log:
            named = [sha256 for (found,) in log._rows("SELECT images FROM turns") for sha256 in found]
        assert len(named) >= told
        for sha256 in named:
            content = (tmp_path / "images" / f"{sha256}.png").read_bytes()
            assert hashlib.sha256(content).hexdigest() == sha256
