"""Prepares a picture or a clip as qwen-vl-utils or transformers does, once for each line of input.

Usage: reference.py CHECKPOINT THREADS. A line is a JSON object with `task` and `path`; the answer is one
with `seconds`, from the file to the patch matrix, and `grid`.
"""

import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

CHECKPOINT, THREADS = sys.argv[1], int(sys.argv[2])


def lend_ffmpeg():
    """torchcodec brings no FFmpeg. PyAV does, under names with a hash: the process starts again with links."""
    import av

    if "BENCH_FFMPEG" in os.environ:
        return
    links = Path(tempfile.gettempdir()) / f"bench-ffmpeg-{av.__version__}-{os.getuid()}"
    links.mkdir(exist_ok=True)
    for library in (Path(av.__file__).parent.parent / "av.libs").glob("lib*"):
        plain = re.sub(r"-[0-9a-f]{8}\.so\.(\d+).*", r".so.\1", library.name)
        for name in (library.name, plain):
            if not (links / name).exists():
                (links / name).symlink_to(library)
    paths = [str(links), os.environ.get("LD_LIBRARY_PATH", "")]
    os.environ["LD_LIBRARY_PATH"] = ":".join(filter(None, paths))
    os.environ["BENCH_FFMPEG"] = str(links)
    os.execv(sys.executable, [sys.executable, *sys.argv])


lend_ffmpeg()
os.environ["TORCHCODEC_NUM_THREADS"] = str(THREADS)
os.environ["FORCE_QWENVL_VIDEO_READER"] = "torchcodec"

import torch  # noqa: E402
import torchcodec  # noqa: E402, F401
from PIL import Image  # noqa: E402
from qwen_vl_utils import process_vision_info  # noqa: E402
from transformers import Qwen3VLProcessor  # noqa: E402

torch.set_num_threads(THREADS)
processor = Qwen3VLProcessor.from_pretrained(CHECKPOINT)
images, videos = processor.image_processor, processor.video_processor


def vision_info(part):
    return process_vision_info(
        [{"role": "user", "content": [part]}],
        return_video_kwargs=True,
        return_video_metadata=True,
        image_patch_size=16,
    )


def picture_by_utils(path):
    pictures, _, _ = vision_info({"type": "image", "image": path})
    return images(images=pictures, do_resize=False, return_tensors="pt")["image_grid_thw"]


def picture_by_transformers(path):
    picture = Image.open(path).convert("RGB")
    return images(images=[picture], return_tensors="pt")["image_grid_thw"]


def clip_by_utils(path):
    _, [(video, metadata)], _ = vision_info({"type": "video", "video": path, "fps": 2})
    return videos(
        videos=[video],
        video_metadata=[metadata],
        do_resize=False,
        do_sample_frames=False,
        return_tensors="pt",
    )["video_grid_thw"]


def clip_by_transformers(path):
    return videos(
        videos=[path],
        do_sample_frames=True,
        fps=2,
        cap_pixels_per_frame=True,
        return_tensors="pt",
    )["video_grid_thw"]


TASKS = {
    "picture-utils": picture_by_utils,
    "picture-transformers": picture_by_transformers,
    "clip-utils": clip_by_utils,
    "clip-transformers": clip_by_transformers,
}


def answer(value):
    print(json.dumps(value), flush=True)


answer({"ready": True})
with torch.inference_mode():
    for line in sys.stdin:
        request = json.loads(line)
        start = time.perf_counter()
        grid = TASKS[request["task"]](request["path"])
        answer({"seconds": time.perf_counter() - start, "grid": grid[0].tolist()})
