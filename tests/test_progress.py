import io

from tfdrop.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run_phase(stream, total=100, verbose="auto"):
    with Progress("Phase", total, verbose, stream) as progress:
        for step in range(100):
            progress.advance(loss=float(step))
    return stream.getvalue()


def test_plain_lines_where_the_output_is_no_terminal():
    text = run_phase(io.StringIO())
    lines = text.splitlines()
    assert "\r" not in text
    assert len(lines) == 10
    assert lines[0].startswith("Phase: 10/100")
    assert "s left" in lines[0]
    assert lines[-1].startswith("Phase: 100/100")
    assert "loss 99" in lines[-1]
    assert "left" not in lines[-1]


def test_bar_on_a_terminal():
    text = run_phase(Terminal())
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert "[" + "=" * 24 + "] 100/100" in text.split("\r")[-1]


def test_unknown_total_and_silence():
    assert run_phase(io.StringIO(), total=None).startswith("Phase: 100  ")
    assert run_phase(io.StringIO(), verbose=0) == ""


def test_a_failed_phase_does_not_claim_to_have_ended():
    stream = io.StringIO()
    progress = Progress("Phase", 100, stream=stream).__enter__()
    progress.advance(1)
    progress.__exit__(ArithmeticError, ArithmeticError(), None)
    assert stream.getvalue() == ""


def test_the_last_line_shows_the_last_values_and_the_unit():
    for stream in (io.StringIO(), Terminal()):
        with Progress("Solving", 100, stream=stream, unit="products") as progress:
            for _ in range(30):
                progress.advance(residual=0.9766, epoch=3)
            progress.advance(0, residual=0.0277, epoch=None)
        last = stream.getvalue().replace("\r", "\n").strip().splitlines()[-1]
        assert "30/100 products  " in last
        assert last.endswith("residual 0.0277")
        # A phase that ended early has no time left.
        assert "left" not in last


def test_the_time_left_is_that_of_the_steps_taken_since_a_restart(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("tfdrop.progress.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    with Progress("Phase", 100, stream=stream) as progress:
        progress.resume(50)
        for _ in range(10):
            now[0] += 2.0
            progress.advance()
        assert stream.getvalue().splitlines()[-1] == "Phase: 60/100  20 s, 80 s left"


def test_nothing_to_do():
    stream = io.StringIO()
    with Progress("Phase", 0, stream=stream) as progress:
        progress.advance(0)
    assert stream.getvalue() == "Phase: 0  0 s\n"
