"""The shell functions behind the front door (tools/lib.sh), where they decide how the host runs."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.skipif(os.geteuid() != 0, reason="asks the kernel as another user: needs root")
def test_a_file_below_a_closed_folder_cannot_be_read_by_another_user(tmp_path):
    closed = tmp_path / "closed"
    checkout = closed / "checkout"
    checkout.mkdir(parents=True)
    (checkout / "file").write_text("x")
    for folder in (*reversed(tmp_path.parents), tmp_path, checkout):
        if str(folder).startswith(str(tmp_path.parents[1])):
            folder.chmod(0o755)

    def can_read(path):
        script = f'. "{ROOT}/tools/lib.sh"; cd "$1"; can_read daemon "$2"'
        done = subprocess.run(["bash", "-c", script, "-", str(checkout), path], check=False)
        return done.returncode == 0

    closed.chmod(0o755)
    assert can_read("file") and can_read(str(checkout / "file"))
    closed.chmod(0o700)
    # A relative path starts below the closed folder: the kernel itself would let it through.
    assert not can_read(str(checkout / "file"))
    assert not can_read("file")
