"""Certificates at the command line: asked for step by step and by flags, brought, taken away, checked."""
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import PATIENCE, ROOT, STOXCTL, Stox  # noqa: E402
from rig import pki  # noqa: E402

PASSPHRASE = 'correct horse battery'


@pytest.fixture(scope='module')
def authority(tmp_path_factory):
    return pki.Pki(str(tmp_path_factory.mktemp('authority')))


@pytest.fixture
def gateway(authority, tmp_path, monkeypatch):
    monkeypatch.setenv('STOX_TEST_TRUST', authority.trust_file)
    server = Stox(tmp_path)
    server.start()
    server.ctl('route', 'new', 'office', '--next-hop', '192.0.2.1')
    server.ctl('domain', 'new', 'contoso.example', 'fabrikam.example', '--route', 'office')
    yield server
    server.stop()


def install(gateway, authority, name='edge', *flags):
    csr, pem = gateway.folder / f'{name}.csr', gateway.folder / f'{name}.pem'
    gateway.ctl('cert', 'request', name, '--key-type', 'p256', '--csr', csr, *flags)
    pem.write_text(authority.sign(name, csr.read_text()))
    return gateway.ctl('cert', 'import', name, pem)


def answer(terminal, pairs):
    for question, line in pairs:
        terminal.until(question)
        terminal.text = terminal.text.split(question, 1)[1]
        terminal.type(line)


def test_the_wizard_asks_step_by_step_and_again_with_the_earlier_answers(gateway, authority):
    csr = gateway.folder / 'wizard.csr'
    t = gateway.terminal('cert', 'request', 'edge')
    answer(t, [('[federation] ', ''), ('[later] ', ''), ('[edge.csr] ', str(csr)), ('[server] ', '2'), ('Friendly name [] ', 'Edge 2026'),
               ('[rsa-2048] ', '9'), ('none of these.', 'p256'), ('[yes] ', 'perhaps'), ('yes or no?', ''),
               ('Organisation [] ', 'Contoso Ltd'), ('unit [] ', ''), ('letters [] ', 'USA'), ('province [] ', ''),
               ('Town [] ', ''), ('Organisation [] ', 'Contoso Ltd'), ('unit [] ', ''), ('letters [] ', 'us'),
               ('province [] ', 'Washington'), ('Town [] ', 'Redmond'), ('[none] ', '7'), ('no numbers of the list', '1'),
               ('Name: ', 'im.contoso.example'), ('Name: ', 'a b'), ('"a b" is no domain name', 'im.contoso.example'),
               ('among the names already', '-_xmpp-server.fabrikam.example'), ('Name: ', ''),
               ('Make the key and the request? [y/N] ', 'y'), ('View the request? [y/N] ', 'y')])
    assert t.end() == 0
    assert 'DNS:im.contoso.example' in t.text and 'BEGIN CERTIFICATE REQUEST' in t.text
    text = subprocess.run(['openssl', 'req', '-in', str(csr), '-noout', '-text', '-verify'], capture_output=True, text=True,
                          check=True).stdout
    for part in ('ST = Washington', 'L = Redmond', 'O = Contoso Ltd', 'DNS:sip.contoso.example', 'TLS Web Client',
                 '_xmpp-server.contoso.example'):
        assert part in text, text
    assert '_xmpp-server.fabrikam.example' not in text
    t = gateway.terminal('cert', 'request', 'edge')
    answer(t, [('[federation] ', ''), ('[later] ', ''), ('[edge.csr] ', str(csr)), ('[server+client] ', ''), ('Friendly name [Edge 2026] ', ''),
               ('[p256] ', ''), ('[yes] ', ''), ('Organisation [Contoso Ltd] ', ''), ('unit [] ', ''), ('letters [us] ', ''),
               ('[Washington] ', ''), ('[Redmond] ', ''), ('[as before] ', ''), ('  im.contoso.example', ''),
               ('[y/N] ', 'n')])
    assert t.end() == 1 and 'nothing was requested' in t.text


def test_the_end_of_the_input_asks_for_nothing(gateway):
    t = gateway.terminal('cert', 'request', 'edge')
    t.until('[federation] ')
    os.write(t.fd, b'\x04')
    assert t.end() == 1 and 'nothing was requested' in t.text
    assert gateway.ctl('cert', 'list').err == '(no certificates)\n'


def test_all_of_it_by_flags_and_without_a_terminal(gateway, authority):
    done = gateway.ctl('cert', 'request', 'edge', '--key-type', 'p256', '--organization', 'Contoso', '--csr', '-')
    assert 'BEGIN CERTIFICATE REQUEST' in done.out and '- a key was made (p256)' in done.out
    assert install(gateway, authority).out.endswith('Nothing shows it yet: stoxctl cert assign edge\n')
    row = gateway.ctl('cert', 'list', '--csv').lines()[1]
    assert row.startswith('edge,federation,installed,')
    assert 'shows it to partners from now on' in gateway.ctl('cert', 'assign', 'edge', '--what-if').out
    gateway.ctl('cert', 'check', code=1)
    gateway.ctl('cert', 'assign', 'edge')
    assert gateway.ctl('cert', 'check').lines()[0].startswith('ok   domain contoso.example: edge, until 20')
    assert 'domain contoso.example' in gateway.ctl('cert', 'show', 'edge').out
    assert 'in use' in gateway.ctl('cert', 'remove', 'edge', '--force', code=6).err
    gateway.ctl('domain', 'set', 'contoso.example', 'fabrikam.example', '--reset', 'certificate')
    assert gateway.ctl('cert', 'remove', 'edge', '--force').out == 'certificate edge: removed\n'
    gateway.ctl('cert', 'show', 'edge', code=5)


def test_defects_are_all_said(gateway, authority):
    csr, pem = gateway.folder / 'edge.csr', gateway.folder / 'edge.pem'
    gateway.ctl('cert', 'request', 'edge', '--key-type', 'p256', '--csr', csr)
    pem.write_text(authority.sign('edge', csr.read_text(), days=(-20, -10), chain=False))
    done = gateway.ctl('cert', 'import', 'edge', pem, code=1)
    assert 'expired' in done.err.splitlines()[0] and 'All that is wrong:' in done.err and 'intermediate' in done.err
    gateway.ctl('cert', 'import', 'edge', pem, '--anyway', code=1)
    pem.write_text(authority.sign('edge', csr.read_text(), chain=False))
    gateway.ctl('cert', 'import', 'edge', pem, code=1)
    assert gateway.ctl('cert', 'import', 'edge', pem, '--anyway').err.startswith('defect: the certificate of the issuer')
    gateway.ctl('cert', 'import', 'edge', gateway.folder / 'nothing', code=1)
    pem.write_text('x' * 300000)
    assert 'larger than 256 KiB' in gateway.ctl('cert', 'import', 'edge', pem, code=1).err


def test_a_key_leaves_into_a_file_that_only_its_owner_reads(gateway, authority):
    install(gateway, authority)
    out, secret = gateway.folder / 'edge.p12', gateway.folder / 'pass'
    secret.write_text(PASSPHRASE + '\n')
    out.write_text('old')
    out.chmod(0o666)
    gateway.ctl('cert', 'export', 'edge', out, '--form', 'pkcs12', '--with-key', '--passphrase-file', secret)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    subprocess.run(['openssl', 'pkcs12', '-in', str(out), '-passin', f'pass:{PASSPHRASE}', '-noout'], check=True,
                   capture_output=True)
    done = gateway.ctl('cert', 'import', 'copy', out, '--passphrase-file', secret, '--use', 'sip')
    assert 'its key is the one that came along' in done.out
    assert 'under a passphrase: give it along' in gateway.ctl('cert', 'import', 'other', out, code=1).err
    assert gateway.ctl('cert', 'export', 'edge').out.count('BEGIN CERTIFICATE') == 2
    assert 'nothing was given' in gateway.ctl('cert', 'export', 'edge', '--with-key', code=1).err
    install(gateway, authority, 'fixed', '--exportable', 'no')
    assert 'not to be exported' in gateway.ctl('cert', 'export', 'fixed', out, '--with-key', '--passphrase-file', secret, code=4).err
    gateway.ctl('cert', 'request', 'edge', '--key-type', 'p256')
    assert gateway.ctl('cert', 'export', 'edge', '--form', 'request').out.startswith('-----BEGIN CERTIFICATE REQUEST-----')


def test_at_a_terminal_the_passphrase_is_asked_for(gateway, authority):
    cert = authority.issue('contoso.example')
    out = gateway.folder / 'old.p12'
    subprocess.run(['openssl', 'pkcs12', '-export', '-in', cert.file, '-inkey', cert.key, '-passout', f'pass:{PASSPHRASE}',
                    '-out', str(out)], check=True, capture_output=True)
    t = gateway.terminal('cert', 'import', 'old', str(out))
    t.until('Passphrase of the file: ')
    t.type(PASSPHRASE)
    assert t.end() == 0
    assert 'the one that came along' in t.text and PASSPHRASE not in t.text


def test_the_exported_configuration_names_certificates_and_holds_no_key(gateway, authority):
    install(gateway, authority)
    gateway.ctl('cert', 'assign', 'edge')
    text = gateway.ctl('config', 'export').out
    assert 'certificate = "edge"' in text and 'v1.' not in text and 'PRIVATE' not in text
    assert 'certificate "edge" {' not in text


def test_every_command_of_the_page_on_certificates_works(gateway, authority):
    work = gateway.folder / 'work'
    work.mkdir()
    own = authority.issue('contoso.example', ['contoso.example', 'fabrikam.example'])
    for name, source in (('chain.pem', own.file), ('key.pem', own.key)):
        (work / name).write_bytes(Path(source).read_bytes())
    (work / 'old.pass').write_text(PASSPHRASE + '\n')
    subprocess.run(['openssl', 'pkcs12', '-export', '-in', own.file, '-inkey', own.key, '-passout', f'pass:{PASSPHRASE}', '-out',
                    str(work / 'old.p12')], check=True, capture_output=True)
    page = (ROOT / 'docs/CERTIFICATES.md').read_text()
    lines = [line.strip() for line in page.splitlines() if line.startswith('    stoxctl ')]
    assert len(lines) > 18
    for line in lines:
        if line == 'stoxctl cert request edge':
            line = 'stoxctl cert request asked'  # at a terminal: test_the_wizard_...
        if line == 'stoxctl cert import edge edge.pem':
            (work / 'edge.pem').write_text(authority.sign('edge', (work / 'edge.csr').read_text()))
        done = subprocess.run(['sh', '-c', line], cwd=work, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL,
                              env={**gateway.env, 'PATH': f'{STOXCTL.parent}:{gateway.env["PATH"]}'})
        assert done.returncode == 0, f'{line}\n{done.stdout}\n{done.stderr}'
    assert gateway.ctl('cert', 'list', '--csv').out.count('installed') == 3
