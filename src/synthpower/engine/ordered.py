"""A function of many things, on threads, its results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_SPARE = 2  # things that are ahead of the workers, so that none waits


def in_order(
    function: Callable[[T], R], things: Iterable[T], workers: int
) -> Generator[R, None, None]:
    """Yield a function's results in the order of the things, which are taken a few ahead.

    What taking a thing raises is raised after the results of those before it. There is no thread
    with one worker, nor for a single thing.
    """
    source = iter(things)
    if workers == 1:
        yield from map(function, source)
        return
    first = list(islice(source, 1))
    try:
        second = list(islice(source, 1))
    except Exception:
        yield from map(function, first)
        raise
    if not second:
        yield from map(function, first)
        return
    ahead: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for future in _submitted(pool, function, chain(first, second, source)):
                ahead.append(future)
                if len(ahead) == workers + _SPARE:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _submitted(
    pool: ThreadPoolExecutor, function: Callable[[T], R], things: Iterator[T]
) -> Iterator[Future[R]]:
    while True:
        try:
            thing = next(things)
        except StopIteration:
            return
        except Exception as error:
            future: Future[R] = Future()
            future.set_exception(error)
            yield future
            return
        yield pool.submit(function, thing)
