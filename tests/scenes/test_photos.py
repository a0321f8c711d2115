"""Photo folders: formats, EXIF, masks, and what is said of files that cannot be used."""

import math
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image, ImageCms

from cameras.errors import InputError
from scenes.captures.exif import FULL_FRAME_DIAGONAL_MM
from scenes.captures.photos import find_photos, load_oriented, read_photo
from scenes.captures.stills import UnreadableImageError, load_mask, load_steps, oriented_size

SIZE = (96, 72)


def picture(seed: int = 0, size: tuple[int, int] = SIZE) -> Image.Image:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC)


def exif_block(orientation: int = 1, **lens: float) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.Base.Model] = "Model 1"
    ifd = exif.get_ifd(ExifTags.IFD.Exif)
    for name, value in lens.items():
        ifd[getattr(ExifTags.Base, name)] = value
    return exif


def write_photos(folder: Path, count: int = 3) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        picture(index).save(folder / f"{index}.png")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".bmp", ".heic"])
def test_every_format_is_read(tmp_path: Path, suffix: str) -> None:
    pillow_heif.register_heif_opener()
    for index in range(3):
        picture(index).save(tmp_path / f"photo{index}{suffix}")
    found = find_photos(tmp_path)
    assert [photo.name for photo in found.photos] == [f"photo{i}{suffix}" for i in range(3)]
    assert all((photo.width, photo.height) == SIZE for photo in found.photos)
    error = np.abs(load_oriented(found.photos[1].path).astype(int) - np.asarray(picture(1)))
    assert error.mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_undone(tmp_path: Path, orientation: int) -> None:
    upright = np.asarray(picture())
    flipped = upright.transpose(1, 0, 2)
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: flipped, 6: flipped[::-1], 7: flipped[::-1, ::-1], 8: flipped[:, ::-1],
    }[orientation]  # fmt: skip
    path = tmp_path / "photo.png"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif_block(orientation))
    np.testing.assert_array_equal(load_oriented(path), upright)
    assert oriented_size(path) == SIZE
    photo = read_photo(path)
    assert (photo.width, photo.height) == SIZE


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK", "RGBA", "I;16"])
def test_every_mode_becomes_eight_bit_colour(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "photo.tiff"
    if mode == "I;16":
        Image.fromarray(np.full((72, 96), 128 * 257, np.uint16)).save(path)
    else:
        Image.new("RGB", SIZE, (128, 128, 128)).convert(mode, palette=Image.Palette.ADAPTIVE).save(path)
    pixels = load_oriented(path)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (72, 96, 4 if mode in ("LA", "RGBA") else 3)
    if mode != "1":
        assert np.abs(pixels[..., :3].astype(int) - 128).max() <= 2


def test_a_large_photo_is_reduced_without_shifting_its_mean(tmp_path: Path) -> None:
    picture(3, (1000, 750)).save(tmp_path / "photo.jpg", quality=95)
    full, small = load_oriented(tmp_path / "photo.jpg"), load_oriented(tmp_path / "photo.jpg", 123)
    assert small.shape == (92, 123, 3)
    np.testing.assert_allclose(small.mean(axis=(0, 1)), full.mean(axis=(0, 1)), atol=1)
    assert load_oriented(tmp_path / "photo.jpg", 5000).shape == full.shape


@pytest.mark.parametrize("size", [(401, 267), (402, 301), (640, 427)])
def test_a_reduced_jpeg_lies_where_the_photo_lies(tmp_path: Path, size: tuple[int, int]) -> None:
    # Ramps, so that a shift shows as a difference of values wherever it is.
    width, height = size
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    ramps = np.stack([200 * x + 20, 200 * y + 20, 0 * x + 128], axis=-1)
    Image.fromarray(np.rint(ramps).astype(np.uint8)).save(tmp_path / "ramp.jpg", quality=98, subsampling=0)
    small = load_oriented(tmp_path / "ramp.jpg", max(size) // 3).astype(np.float64)
    rows, columns = small.shape[:2]
    across, down = (np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows
    shift_x = (small[..., 0].mean(axis=0) - 200 * across - 20) / 200 * columns
    shift_y = (small[..., 1].mean(axis=1) - 200 * down - 20) / 200 * rows
    for shift in (shift_x, shift_y):
        third = len(shift) // 3  # bytes are steps of 0.7 pixels, so that only means say something
        assert abs(shift[3:third].mean()) < 0.08
        assert abs(shift[-third:-3].mean()) < 0.08


def test_an_embedded_colour_profile_is_applied_or_ignored_if_broken(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture().save(tmp_path / "srgb.png", icc_profile=srgb)
    picture().save(tmp_path / "broken.png", icc_profile=b"no profile at all")
    np.testing.assert_array_equal(load_oriented(tmp_path / "srgb.png"), np.asarray(picture()))
    np.testing.assert_array_equal(load_oriented(tmp_path / "broken.png"), np.asarray(picture()))


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_focal_length_comes_from_the_full_frame_equivalent(tmp_path: Path, orientation: int) -> None:
    picture().save(tmp_path / "a.jpg", exif=exif_block(orientation, FocalLengthIn35mmFilm=26, FocalLength=4.2))
    photo = read_photo(tmp_path / "a.jpg")
    assert photo.focal_px == pytest.approx(26 / FULL_FRAME_DIAGONAL_MM * math.hypot(*SIZE))
    assert "Maker, Model 1" in photo.camera_key


@pytest.mark.parametrize(("unit", "per_unit"), [(2, 254.0), (3, 100.0), (4, 10.0)])
def test_the_focal_length_comes_from_the_pixel_pitch(tmp_path: Path, unit: int, per_unit: float) -> None:
    """10 pixels a millimetre when taken at 192x144; a 12 mm lens is then 120 pixels, and 60 in the half-size file."""
    lens = {"FocalLength": 12.0, "FocalPlaneXResolution": per_unit, "FocalPlaneResolutionUnit": unit}
    picture().save(tmp_path / "a.jpg", exif=exif_block(1, **lens, ExifImageWidth=192, ExifImageHeight=144))
    assert read_photo(tmp_path / "a.jpg").focal_px == pytest.approx(60)


def test_an_absurd_focal_length_is_unknown(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.jpg", exif=exif_block(1, FocalLengthIn35mmFilm=1))
    picture().save(tmp_path / "b.jpg", exif=exif_block(1, FocalLengthIn35mmFilm=0))
    assert read_photo(tmp_path / "a.jpg").focal_px is None
    assert read_photo(tmp_path / "b.jpg").focal_px is None


def test_camera_keys_tell_bodies_sizes_and_zooms_apart(tmp_path: Path) -> None:
    picture(0).save(tmp_path / "a.jpg", exif=exif_block(1, FocalLength=4.0))
    picture(1).save(tmp_path / "b.jpg", exif=exif_block(1, FocalLength=4.0))
    picture(2).save(tmp_path / "c.jpg", exif=exif_block(1, FocalLength=6.0))
    picture(3, (72, 96)).save(tmp_path / "d.jpg", exif=exif_block(1, FocalLength=4.0))
    keys = [photo.camera_key for photo in find_photos(tmp_path).photos]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_unusable_files_are_named_with_their_reason(tmp_path: Path) -> None:
    write_photos(tmp_path)
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a photo")
    picture(9, (400, 300)).save(tmp_path / "whole.jpg")
    cut = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(cut[: len(cut) // 2])
    picture(0, (16, 16)).save(tmp_path / "icon.png")
    (tmp_path / "raw.dng").write_bytes(b"raw")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "copy.jpg").write_bytes(cut)
    found = find_photos(tmp_path)
    assert [photo.name for photo in found.photos] == ["0.png", "1.png", "2.png", "copy.jpg"]
    assert found.skipped == {
        "cut.jpg": "is truncated",
        "empty.jpg": "is empty",
        "icon.png": "is only 16x16 pixels",
        "notes.txt": "is not a photo",
        "raw.dng": "is a camera raw file: export it as JPEG",
        "text.jpg": "is not an image that we can read",
        "whole.jpg": "has the same bytes as copy.jpg",
    }


def test_an_image_that_claims_an_absurd_size_is_refused(tmp_path: Path) -> None:
    write_photos(tmp_path)
    header = bytearray((tmp_path / "0.png").read_bytes())
    header[16:24] = (60000).to_bytes(4, "big") * 2
    header[29:33] = zlib.crc32(bytes(header[12:29])).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(bytes(header))
    assert find_photos(tmp_path).skipped["bomb.png"] == "claims more than 256 megapixels"


def test_nested_folders_count_and_hidden_files_do_not(tmp_path: Path) -> None:
    write_photos(tmp_path / "kitchen")
    for hidden in (".trash", "masks", "depth", "@eaDir"):
        (tmp_path / hidden).mkdir()
        picture(7).save(tmp_path / hidden / "9.png")
    picture(8).save(tmp_path / ".hidden.png")
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    found = find_photos(tmp_path)
    assert [photo.name for photo in found.photos] == ["kitchen/0.png", "kitchen/1.png", "kitchen/2.png"]
    assert not found.skipped


@pytest.mark.parametrize("place", ["photos/masks/0.png", "photos/mask/0.png.png", "masks/0.png"])
def test_masks_are_found_inside_and_beside_the_folder(tmp_path: Path, place: str) -> None:
    write_photos(tmp_path / "photos")
    mask = np.zeros((72, 96), np.uint8)
    mask[:, 48:] = 255
    (tmp_path / place).parent.mkdir()
    Image.fromarray(mask).save(tmp_path / place)
    photos = find_photos(tmp_path / "photos").photos
    assert [photo.mask_path for photo in photos] == [tmp_path / place, None, None]
    np.testing.assert_array_equal(load_mask(tmp_path / place, 96, 72), mask > 0)


def test_a_mask_of_another_size_is_an_error(tmp_path: Path) -> None:
    write_photos(tmp_path)
    (tmp_path / "masks").mkdir()
    Image.new("L", (48, 36)).save(tmp_path / "masks" / "1.png")
    with pytest.raises(InputError, match=r"mask .*1\.png is 48x36 but its photo is 96x72"):
        find_photos(tmp_path)
    with pytest.raises(InputError, match="exactly as large"):
        load_mask(tmp_path / "masks" / "1.png", 96, 72)


def test_too_few_photos_end_in_one_sentence(tmp_path: Path) -> None:
    write_photos(tmp_path, 2)
    (tmp_path / "2.jpg").touch()
    with pytest.raises(InputError, match=r"at least 3 photos .* holds 2 .*skipped: 2\.jpg is empty"):
        find_photos(tmp_path)
    assert len(find_photos(tmp_path, min_photos=2).photos) == 2
    with pytest.raises(InputError, match="there is none"):
        find_photos(tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match="holds 0 that can be read: name a folder"):
        find_photos(tmp_path / "bare")


def test_one_unreadable_image_names_its_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match=r"gone\.jpg does not exist"):
        load_oriented(tmp_path / "gone.jpg")
    Image.fromarray(np.zeros((72, 96), np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(UnreadableImageError, match="floating-point"):
        load_oriented(tmp_path / "float.tiff")
    picture().save(tmp_path / "colour.png")
    with pytest.raises(InputError, match="one channel of 16 or 32 bits"):
        load_steps(tmp_path / "colour.png")


def test_positions_on_earth_are_not_kept(tmp_path: Path) -> None:
    exif = exif_block(1, FocalLengthIn35mmFilm=26)
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (12.0, 34.0, 56.0), 3: "E", 4: (65.0, 43.0, 21.0)})
    for index in range(3):
        picture(index).save(tmp_path / f"{index}.jpg", exif=exif)
    told = str(find_photos(tmp_path))
    assert "GPS" not in told
    assert "34.0" not in told


def test_real_photos_are_all_found(shared_data: Path) -> None:
    found = find_photos(shared_data / "fox" / "images")
    assert len(found.photos) == 67
    assert {photo.camera_key for photo in found.photos} == {"unknown camera, 562x1000"}
