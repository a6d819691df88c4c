"""The commands of docs/LYNC.md, as they stand there, one after the other."""
import shutil
import subprocess

from conftest import LYNC, PATIENCE, ROOT, STOXCTL


def test_every_command_of_the_page_on_lync_works(stox, tmp_path):
    work = tmp_path / 'work'
    work.mkdir()
    for sample in LYNC.glob('*.xml'):
        shutil.copy(sample, work)
    (work / 'users.txt').write_text('carol@contoso.example\ndan@contoso.example\n')
    lines = [line.strip() for line in (ROOT / 'docs/LYNC.md').read_text().splitlines() if line.startswith('    stoxctl ')]
    assert len(lines) > 35
    for line in lines:
        done = subprocess.run(['sh', '-c', line], cwd=work, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL,
                              env={**stox.env, 'PATH': f'{STOXCTL.parent}:{stox.env["PATH"]}'})
        assert done.returncode == 0, f'{line}\n{done.stdout}\n{done.stderr}'
    assert stox.ctl('policy', 'show', 'FedPic', '--json').json()['xmpp'] is True
    assert stox.ctl('partner', 'list', '--names').lines() == ['fabrikam.example', 'gmail.example']
