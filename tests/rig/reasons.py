"""Of a long report of a failed test the one line that matters: where it was and what was wrong."""
import re

MAX = 300
_CHAINED = re.compile(r'^(?:During handling of the above exception|The above exception was the direct cause).*$', re.M)
_PLACE = re.compile(r'^(\S+\.py:\d+): ?(\w*)', re.M)
_SAID = re.compile(r'^E\s+(.*\S)', re.M)
_CMOCKA = re.compile(r'^(?:\[  ERROR   \] --- )?(.+)\n(?:\[  ERROR   \] --- )?\[   LINE   \] --- (\S+?): error: ', re.M)
_TELLING = re.compile(r'AddressSanitizer|runtime error:|\berror: |\bERROR: |^FAILED|\bFAILED$|^\w*(?:Error|Exception|Expired)\b|warning: ')


def _short(text):
    text = ' '.join(text.split())
    return text if len(text) <= MAX else text[:MAX] + ' ...'


def of_pytest(text):
    """The test's own line, what was wrong, and where that was seen when it was not there."""
    last = _CHAINED.split(text)[-1]
    places = [m.group(1) for m in _PLACE.finditer(last)]
    said = _SAID.findall(last, _last_run(last))
    if not places or not said:
        return of_command(text)
    seen = f' (seen at {places[-1]})' if places[-1] != places[0] else ''
    return _short(f'{places[0]}: {" ".join(said)}') + seen


def _last_run(text):
    """Where the last lines that begin with E do: those before are of exceptions that were caught on the way."""
    at, before = 0, None
    for m in _SAID.finditer(text):
        if before is None or text[before:m.start()].strip():
            at = m.start()
        before = m.end()
    return at


def of_cmocka(stderr, names):
    """{name: reason} for the tests of a program that failed, in the order they ran: what cmocka says has no names."""
    found = [_short(f'{m.group(2)}: {m.group(1)}') for m in _CMOCKA.finditer(stderr)]
    if len(found) == len(names):
        return dict(zip(names, found))
    return {name: _short('one of: ' + '; '.join(found) if found else of_command(stderr)) for name in names}


def of_command(text):
    """The first line that tells of an error; else the last one that is not empty."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _short(next((line for line in lines if _TELLING.search(line)), lines[-1] if lines else 'it said nothing'))
