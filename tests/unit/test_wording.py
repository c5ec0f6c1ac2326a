"""The language in which texts are said: of a command, and of a block in one thread."""

from __future__ import annotations

from threading import Barrier, Thread

from cloudai.wording import spoken, translated, using, using_everywhere
from tests.support.in_time import in_time


def test_pages_in_two_languages_may_be_written_at_the_same_time() -> None:
    """A block speaks its language in its own thread alone, and leaves none behind, whichever ends first."""
    heard: dict[str, list[str]] = {"ko": [], "en": []}
    both_in = Barrier(2)

    def write(language: str) -> None:
        with using(language):
            both_in.wait(10)
            heard[language].append(spoken())
            both_in.wait(10)
        heard[language].append(spoken())

    threads = [Thread(target=write, args=(language,)) for language in heard]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == {"ko": ["ko", "en"], "en": ["en", "en"]}
    assert spoken() == "en"


def test_all_threads_of_a_command_speak_its_language() -> None:
    """A thread that has not chosen a language speaks that of the command; a block may choose another one."""
    heard: list[str] = []
    with using_everywhere("ko"):
        thread = Thread(target=lambda: heard.append(spoken()))
        thread.start()
        thread.join()
        with using(None):
            heard.append(spoken())
        heard.append(spoken())
    assert [*heard, spoken()] == ["ko", "en", "ko", "en"]


def test_a_text_of_full_stops_takes_no_time() -> None:
    """The name of a file, or a vendor's words, may have hundreds of sentences, and no catalog knows them."""
    text = "a. " * 330
    assert in_time(lambda: translated(text, "ko"), 5) == text
