from scipy import stats

from tfdrop.tasks.denoising.report import denoising_report


def image(name, psnrs, paper=None):
    scores = {method: {"psnr": psnr, "ssim": psnr / 100} for method, psnr in psnrs.items()}
    return {"name": name, "scores": scores} | ({"paper": paper} if paper else {})


def columns(line):
    return line.split()


def test_table_has_a_line_an_image_and_the_average():
    images = [image("a", {"noisy": 20.0, "round 1": 28.5}), image("b", {"noisy": 21.0, "round 1": 30.5})]
    rounds = [
        {
            "round": 1,
            "patches": 1000,
            "dropped": 30,
            "influence": {
                "unfavorable": 412,
                "curvature": "gauss_newton",
                "damping": 1523.4,
                "smallest_eigenvalue": 0.05,
                "largest_eigenvalue": 152340.0,
                "residual": 0.0499,
                "converged": True,
            },
        },
        {"round": 2, "patches": 970},
    ]
    lines = denoising_report({"rounds": rounds, "images": images}).splitlines()
    assert lines[0] == "Round 1: trained on 1000 patches; 412 are unfavorable (influence > 0), 30 dropped."
    assert "gauss_newton + 1523 I" in lines[1]
    assert "relative residual 0.050" in lines[1]
    assert lines[2] == "Round 2: trained on 970 patches."
    table = [columns(line) for line in lines[4:] if not line.startswith("-")]
    assert table[1:] == [
        ["a", "20.000", "0.2000", "28.500", "0.2850"],
        ["b", "21.000", "0.2100", "30.500", "0.3050"],
        ["average", "20.500", "0.2050", "29.500", "0.2950"],
    ]


def test_starfish_alone_has_no_average_without_it():
    starfish = image("Starfish", {"noisy": 20.0}, {"round 1": 29.41, "round 2": 29.49})
    assert "without" not in denoising_report({"rounds": [], "images": [starfish]})


def test_paper_figures_stand_beside_ours_with_and_without_starfish():
    images = [
        image("House", {"noisy": 20.0, "round 1": 33.0}, {"round 1": 33.06, "round 2": 33.05}),
        image("Starfish", {"noisy": 20.0, "round 1": 29.0}, {"round 1": 29.41, "round 2": 29.49}),
    ]
    lines = denoising_report({"rounds": [], "images": images}).splitlines()
    assert columns(lines[1])[-4:] == ["paper", "DnCNN", "paper", "DnCNN++"]
    assert columns(lines[3])[-2:] == ["33.06", "33.05"]
    assert columns(lines[-2])[-2:] == ["31.235", "31.270"]
    assert lines[-1].startswith("average without Starfish")
    assert columns(lines[-1])[-4:] == ["33.000", "0.3300", "33.060", "33.050"]


def test_the_last_round_beside_its_controls_over_seeds():
    def run(seed, first, second):
        images = [image("a", {"round 1": first, "round 2": second}), image("b", {"round 1": 30.0, "round 2": 30.0})]
        return {"seed": seed, "rounds": [{"round": 1, "patches": 9}, {"round": 2, "patches": 8}], "images": images}

    runs = [run(0, 28.0, 28.6), run(1, 28.2, 28.6), run(2, 28.1, 28.8)]
    lines = denoising_report({"runs": runs}).splitlines()
    low, high = stats.ttest_rel([29.3, 29.3, 29.4], [29.0, 29.1, 29.05]).confidence_interval(0.95)
    assert f"  minus round 1: +0.283 [{low:+.3f}, {high:+.3f}]: helps" in lines


def test_one_seed_has_its_controls_and_says_that_it_tells_nothing():
    images = [image("a", {"noisy": 20.0, "round 1": 28.0, "round 2": 28.6, "full set": 28.5, "random drop": 28.7})]
    rounds = [{"round": 1, "patches": 9}, {"round": 2, "patches": 8}]
    lines = denoising_report({"rounds": rounds, "images": images}).splitlines()
    assert "full set: the last round's settings on all patches." in lines
    start = lines.index("Round 2 beside its controls: average PSNR, dB, of one seed")
    assert lines[start + 1 :] == [
        "  minus full set: +0.100: cannot be told from chance",
        "  minus random drop: -0.100: cannot be told from chance",
        "One seed tells no difference from chance: --seeds=5 gives intervals.",
    ]
