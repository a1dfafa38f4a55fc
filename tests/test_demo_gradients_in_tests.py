"""The demo of gradients in tests: one mistake, which two tests find, with a picture."""

import xml.etree.ElementTree as ET

from demos import gradients_in_tests


def test_the_mistake_is_found_and_nothing_else(tmp_path, capsys):
    gradients_in_tests.main(["--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "2 failed, 8 passed" in printed
    assert "gradcheck FAILED at 'bend'" in printed
    failed = [line.split("::")[1].split()[0] for line in printed.splitlines() if line.startswith("FAILED")]
    assert failed == ["test_dssr_dw1", "test_the_network"]
    picture = tmp_path / "tests" / "test_the_network0" / "gradcheck.svg"
    assert f"Its picture is {picture}" in printed
    assert ET.parse(picture).getroot().tag.endswith("svg")
    assert "wrong derivative by operand 0" in picture.read_text(encoding="utf-8")
