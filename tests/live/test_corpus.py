import pytest

from corpus import Runtime, corpus, runtimes

pytestmark = pytest.mark.live


@pytest.mark.parametrize("runtime", runtimes(), ids=lambda r: r.version)
def test_corpus_runs_on_every_runtime_and_says_which(runtime: Runtime) -> None:
    with corpus(runtime, "idle") as running:
        assert running.facts["version"] == runtime.version
        assert running.pause_ms() >= 0
