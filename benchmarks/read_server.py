"""A folder of files behind a wire: every request waits, all bytes share one line, and each answer is written down.

A process of its own, ``python benchmarks/read_server.py FOLDER [--rate 50] [--latency 0.05]``: the first line that it
prints is its address. ``/files/<path>`` is a file of the folder, by ranges. ``/log`` returns what was asked for since
the last ``/log``, at once and uncounted: for each request when it came, the first byte sent, and how many left.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from server import Asset, Handler, serve


class FileHandler(Handler):
    """Sends ranges of the files in the server's folder."""

    def do_GET(self) -> None:
        """Answer a question about the log without waiting; all others as from afar."""
        if self.path == "/log":
            log, self.server.log[:] = list(self.server.log), []
            return self.send_json(log)
        self.record: dict[str, Any] = {"at": time.perf_counter(), "method": self.command, "sent": 0}
        self.server.log.append(self.record)
        return super().do_GET()

    def answer(self, path: str, query: dict[str, str]) -> None:
        """Send the file that ``path`` names; 404 where there is none."""
        folder = self.server.folder.resolve()
        file = (folder / path.removeprefix("/files/")).resolve()
        self.record["path"] = str(file.relative_to(folder)) if file.is_relative_to(folder) else ""
        if not self.record["path"] or not file.is_file():
            return self.send_json(None)
        seen = file.stat()
        etag = f"{seen.st_mtime_ns:x}-{seen.st_size:x}"
        return self.send_blob(Asset("", "", self.record["path"], seen.st_size, "", etag))

    def place(self, asset: Asset) -> Path:
        """Return where the bytes of ``asset`` lie."""
        return self.server.folder / asset.path

    def sending(self, start: int, n_bytes: int) -> None:
        """Write down what has left."""
        self.record.setdefault("first", start)
        self.record["sent"] += n_bytes


if __name__ == "__main__":
    serve(FileHandler, "a folder on loopback, for benchmarks/read.py")
