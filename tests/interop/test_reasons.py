"""Of a failure's long report the one line that CI shows is the right one (rig/reasons.py). Neither stoxd nor a peer runs here."""
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ElementTree

import pytest

from rig import reasons

# what fails, and the line that says so; $ is the file
FAILING = {
    "assertion": ("def test_it():\n    n = 24\n    assert n == 25\n", "$:3: assert 24 == 25"),
    "with a sentence": ("def test_it():\n    assert not 1, 'one is\\ntoo many'\n", "$:2: AssertionError: one is too many assert not 1"),
    "helper": ("def wait():\n    raise ValueError('nobody came')\n\ndef test_it():\n    wait()\n",
               "$:5: ValueError: nobody came (seen at $:2)"),
    "another was caught": ("def test_it():\n    try:\n        {}['first']\n    except KeyError:\n        assert 'a' == 'b'\n",
                           "$:5: AssertionError: assert 'a' == 'b' - b + a"),
    "fixture": ("import pytest\n@pytest.fixture\ndef broken():\n    raise OSError('no address')\n"
                "def test_it(broken):\n    pass\n", "$:4: OSError: no address"),
}


@pytest.mark.parametrize("name", FAILING)
def test_pytest_failures(tmp_path, name):
    source, want = FAILING[name]
    file, report = tmp_path / "test_failing.py", tmp_path / "report.xml"
    file.write_text(source)
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, f"--junitxml={report}",
                    file], cwd=tmp_path, stdout=subprocess.DEVNULL, check=False)
    case = ElementTree.parse(report).find(".//testcase")
    bad = case.find("failure") if case.find("failure") is not None else case.find("error")
    assert reasons.of_pytest(bad.text) == want.replace("$", "test_failing.py")


CMOCKA = textwrap.dedent("""\
    [  ERROR   ] --- 0x1 != 0x2
    [   LINE   ] --- ../tests/unit/base/test_buf.c:7: error: Failure!
    ERROR: case 3: what
    [  ERROR   ] --- [   LINE   ] --- ../tests/unit/base/test_buf.c:11: error: Failure!
    [  FAILED  ] 2 test(s), listed below:
    """)


def test_cmocka_failures_in_the_order_of_their_tests():
    assert reasons.of_cmocka(CMOCKA, ["first", "second"]) == {
        "first": "../tests/unit/base/test_buf.c:7: 0x1 != 0x2",
        "second": "../tests/unit/base/test_buf.c:11: ERROR: case 3: what"}
    assert reasons.of_cmocka(CMOCKA, ["first", "second", "whose set-up failed"])["first"] == (
        "one of: ../tests/unit/base/test_buf.c:7: 0x1 != 0x2; ../tests/unit/base/test_buf.c:11: ERROR: case 3: what")


@pytest.mark.parametrize("text, want", [
    ("[1/2] Compiling\n../src/a.c:3:1: error: unknown type\nninja: build stopped\n", "../src/a.c:3:1: error: unknown type"),
    ("==7==ERROR: AddressSanitizer: heap-use-after-free\n    #0 0x1 in main\n", "==7==ERROR: AddressSanitizer: heap-use-after-free"),
    ("buf: 17 executions, ok\nuri: 18 executions, FAILED\nSUMMARY\n", "uri: 18 executions, FAILED"),
    ("first\nlast\n\n", "last"), ("", "it said nothing")])
def test_programs(text, want):
    assert reasons.of_command(text) == want
