"""Says of each way to have another process work how much virtual time it took."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import subprocess
import sys
import time
from typing import Any


def work(seconds: int) -> int:
    time.sleep(seconds)
    return seconds


def put(seconds: int, queue: Any) -> None:
    time.sleep(seconds)
    queue.put(seconds)


def took(start: float) -> str:
    return str(round(time.monotonic() - start))


def main() -> None:
    for method in multiprocessing.get_all_start_methods():
        context: Any = multiprocessing.get_context(method)
        words = [method]
        start, process = time.monotonic(), context.Process(target=work, args=(200,))
        process.start()
        process.join(100)
        words += ["join", took(start), "alive" if process.is_alive() else "gone"]
        process.join(600)
        words += [took(start), "alive" if process.is_alive() else "gone"]
        start, queue = time.monotonic(), context.Queue()
        process = context.Process(target=put, args=(300, queue))
        process.start()
        words += ["queue", str(queue.get(timeout=600)), took(start)]
        process.join()
        start = time.monotonic()
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            futures = [pool.submit(work, seconds) for seconds in (200, 400)]
            words += ["pool", str(futures[0].result(timeout=300)), took(start)]
            words += [str(futures[1].result(timeout=300)), took(start)]
        print(*words, flush=True)
    sleeper = [sys.executable, "-c", "import time; time.sleep(500); print('slept', flush=True)"]
    for seconds in (400, 600):
        start = time.monotonic()
        try:
            said = subprocess.run(sleeper, timeout=seconds, stdout=subprocess.PIPE).stdout.decode().strip()
        except subprocess.TimeoutExpired:
            said = "killed"
        print("run", said, took(start), flush=True)
    start, process = time.monotonic(), subprocess.Popen(sleeper, stdout=subprocess.DEVNULL)
    try:
        process.wait(400)
    except subprocess.TimeoutExpired:
        print("wait", took(start), process.wait(), took(start), flush=True)


if __name__ == "__main__":
    main()
