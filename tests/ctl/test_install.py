"""What `make install` puts where, and what systemd says of the unit."""
import os
import re
import shutil
import subprocess

import pytest
from conftest import BUILD, PATIENCE

EXPOSURE_MOST = 15  # in tenths, as systemd-analyze security counts without a system; interop/test_systemd.py asks a real one


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
    """An installation below a folder of its own."""
    to = tmp_path_factory.mktemp('root')
    done = subprocess.run(['/usr/bin/meson', 'install', '-C', BUILD, '--no-rebuild', '--quiet', '--destdir', to], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE * 5)
    assert done.returncode == 0, done.stdout
    prefix = to / 'usr/local'
    etc = to / 'etc'
    etc.mkdir()
    shutil.copy('/etc/passwd', etc)
    shutil.copy('/etc/group', etc)
    return prefix


UNITS = ['stoxd', 'stoxd-proxy']


def unit_of(prefix, name='stoxd'):
    return prefix / f'lib/systemd/system/{name}.service'


def test_make_install_brings_all_that_a_service_needs(installed):
    names = {str(p.relative_to(installed)) for p in installed.rglob('*') if p.is_file()}
    for name in ('sbin/stoxd', 'bin/stoxctl', 'share/man/man8/stoxd.8', 'share/man/man1/stoxctl.1', 'share/man/man5/stox.conf.5',
                 'share/bash-completion/completions/stoxctl.bash', 'share/zsh/site-functions/_stoxctl',
                 'lib/systemd/system/stoxd.service', 'lib/systemd/system/stoxd-proxy.service', 'lib/sysusers.d/stox.conf',
                 'share/doc/stox/stox.conf.example', 'share/doc/stox/proxy.conf.example'):
        assert name in names, sorted(names)
    assert os.access(installed / 'sbin/stoxd', os.X_OK)


@pytest.mark.parametrize('role, name', [('all', 'stox'), ('proxy', 'proxy')])
def test_the_example_of_a_bootstrap_file_is_good(installed, role, name):
    done = subprocess.run([installed / 'sbin/stoxd', '--role', role, '--check', '--config', installed / f'share/doc/stox/{name}.conf.example'],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize('name, words', [('stoxd', '--config /etc/stox/stox.conf'), ('stoxd-proxy', '--role proxy --config /etc/stox/proxy.conf')])
def test_the_unit_starts_what_was_installed(installed, name, words):
    line = re.search(r'^ExecStart=(\S+) %s$' % words, unit_of(installed, name).read_text(), re.M)
    assert line and (installed / 'sbin/stoxd').samefile(str(installed.parents[1]) + line.group(1))


def test_the_service_user_is_made_from_its_file(installed, tmp_path):
    root = tmp_path / 'root'
    (root / 'etc').mkdir(parents=True)
    done = subprocess.run(['systemd-sysusers', '--root', root, installed / 'lib/sysusers.d/stox.conf'], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout
    assert re.search(r'^stox:.*:/var/lib/stox:', (root / 'etc/passwd').read_text(), re.M)


@pytest.mark.parametrize('name', UNITS)
def test_systemd_finds_no_fault_with_the_unit(installed, tmp_path, name):
    """Where the program stands is the only thing that is changed: systemd looks for it on this machine."""
    unit = tmp_path / f'{name}.service'
    text = unit_of(installed, name).read_text().replace('ExecStart=/usr/local', f'ExecStart={installed}')
    unit.write_text(text.replace('Documentation=', '# Documentation='))
    done = subprocess.run(['systemd-analyze', 'verify', '--recursive-errors=no', '--man=no', unit], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout


@pytest.mark.parametrize('name', UNITS)
def test_the_service_is_little_exposed(installed, name):
    done = subprocess.run(['systemd-analyze', 'security', '--offline=yes', f'--threshold={EXPOSURE_MOST}', unit_of(installed, name)],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout
