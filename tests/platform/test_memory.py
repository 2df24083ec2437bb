from pathlib import Path

from lyceum.platform.memory import Room, find_room

NOWHERE = Path("/nowhere")


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_a_container_with_a_limit(tmp_path: Path) -> None:
    folder = write(
        tmp_path, memory_max="1000\n", memory_current="700\n",
        memory_stat="anon 300\ninactive_file 150\n",
    )  # fmt: skip
    assert find_room(folder, NOWHERE) == Room(used=550, limit=1000)


def test_a_container_without_one_has_the_machines(tmp_path: Path) -> None:
    folder = write(tmp_path, memory_max="max\n", memory_current="700\n", memory_stat="anon 1\n")
    machine = folder / "meminfo"
    machine.write_text("MemTotal: 2000 kB\nMemFree: 100 kB\nMemAvailable: 500 kB\nHuge: 0\n")
    assert find_room(folder, machine) == Room(used=1500 * 1024, limit=2000 * 1024)


def test_a_kernel_that_does_not_say(tmp_path: Path) -> None:
    assert find_room(NOWHERE, NOWHERE) is None
    (tmp_path / "meminfo").write_text("MemTotal: many\n")
    assert find_room(NOWHERE, tmp_path / "meminfo") is None
