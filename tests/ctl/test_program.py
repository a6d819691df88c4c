"""Reaching the daemon, being somebody to it, what it says of itself; help, completion and manual."""
import json
import os
import re
import signal
import subprocess
import termios

import pytest

from conftest import BUILD, PATIENCE, STOXCTL

PASSWORD = 'correct horse battery\n'


def test_without_a_daemon_it_says_where_it_looked(nobody, tmp_path):
    done = nobody.ctl('partner', 'list', code=3)
    assert done.err == (f'stoxctl: cannot reach stoxd at unix:{tmp_path}/admin.sock: No such file or directory '
                        '(is it running? another socket: --server)\n')
    assert 'http://127.0.0.1:1' in nobody.ctl('partner', 'list', '--server', 'http://127.0.0.1:1', code=3).err
    nobody.ctl('partner', 'list', '--server', 'ftp://x', code=2)


def test_a_socket_that_may_not_be_opened_says_who_may(nobody, stox, tmp_path):
    if os.getuid() != 0:
        pytest.skip('needs root to become somebody else')
    tmp_path.chmod(0o711)
    done = subprocess.run(['setpriv', '--reuid=65534', '--clear-groups', str(STOXCTL), 'partner', 'list', '--server',
                           f'unix:{tmp_path}/admin.sock'], capture_output=True, text=True)
    assert done.returncode == 4 and 'root and the service user may' in done.stderr, done.stderr


def test_the_matrix_needs_no_daemon_and_has_all_rows_in_order(nobody):
    rows = nobody.ctl('matrix', '--json').json()['rows']
    assert [row['row'] for row in rows] == list(range(1, 19))
    assert [r['row'] for r in rows if r['verdict'] == 'invalid'] == [6, 12, 14, 16, 18]
    assert [r['row'] for r in rows if r['verdict'] == 'warning'] == [1, 3, 4, 5, 9, 10, 11]
    strict = nobody.ctl('matrix', '--json', '--strict').json()['rows']
    assert [r['row'] for r in strict if r['verdict'] == 'invalid'] == [5, 6, 11, 12, 14, 16, 18]
    assert len(nobody.ctl('matrix').lines()) == 19


def test_the_matrix_is_the_one_of_the_daemon(stox):
    theirs = json.loads(subprocess.run(['curl', '-s', '--unix-socket', str(stox.folder / 'admin.sock'), 'http://localhost/v1/matrix'],
                                       capture_output=True, check=True).stdout)['rows']
    ours = stox.ctl('matrix', '--json').json()['rows']
    for their, our in zip(theirs, ours, strict=True):
        assert {k: their[k] for k in ('row', 'tls', 'sasl', 'dialback', 'verdict', 'reason')} == \
               {k: our[k] for k in ('row', 'tls', 'sasl', 'dialback', 'verdict', 'reason')}


def test_session_status_metrics_and_streams_are_shown(stox):
    assert 'unix:root' in stox.ctl('session').out or os.getuid() != 0
    assert re.search(r'^state: +running$', stox.ctl('status').out, re.M)
    assert stox.ctl('metrics').lines()[-1] == '# EOF'
    assert stox.ctl('stream', 'list').lines()[0].split()[0] == 'id'
    assert stox.ctl('stream', 'close', 7).out == 'stream 7: closed\n'
    stox.ctl('stream', 'close', 99, code=5)


def test_a_stream_and_a_partner_are_shown_with_their_steps(stox):
    shown = stox.ctl('stream', 'show', 7).out
    assert 'pair: contoso.example - fabrikam.example (sasl-external)\n' in shown
    assert re.search(r'^  0\.005 s  tls +ok +TLSv1\.3\\u\{1b\}\[2J$', shown, re.M), shown
    assert stox.ctl('stream', 'show', 7, '--json').json()['steps'][0]['ms'] == 5
    stox.ctl('stream', 'show', 99, code=5)
    status = stox.ctl('partner', 'status', 'p.example').out
    assert 'last set-up that failed:' in status and re.search(r'connect +FAILED +cannot connect$', status, re.M), status
    stox.ctl('partner', 'status', 'other.example', code=5)


def test_a_test_shows_each_step_once_and_ends_with_its_verdict(stox):
    works = stox.ctl('partner', 'test', 'p.example', '--from', 'contoso.example')
    assert works.out == ('  0.001 s  dns           ok      found\n'
                         '  1.200 s  connect               connected\n\nIt works.\n')
    assert stox.ctl('partner', 'test', 'broken.example', code=1).out.endswith('\n\nIt hangs\\u{1b}[2J.\n')
    assert stox.ctl('partner', 'test', 'p.example', '--json').json()['works'] is True
    assert stox.ctl('partner', 'test', 'other.example', code=5).err == 'stoxctl: this domain belongs to no partner\n'
    assert 'none of our' in stox.ctl('partner', 'test', 'p.example', '--from', 'other.example', code=1).err
    stox.ctl('partner', 'test', code=2)


def test_conversations_and_what_waits_are_listed(stox):
    listed = stox.ctl('conversation', 'list', '--user', 'alice@contoso.example')
    assert listed.lines()[0].split()[:3] == ['id', 'sip', 'xmpp'] and 'romeo\\u{1b}[2J@' in listed.out, listed.out
    assert listed.err == '(older ones: --before 41)\n'
    assert stox.ctl('conversation', 'list', '--before', 41).err == ''
    assert 'no address like' in stox.ctl('conversation', 'list', '--user', 'x', code=1).err
    assert re.search(r'^sip-to-xmpp\.why: +the partner', stox.ctl('conversation', 'show', '00000000000000a1').out, re.M)
    stox.ctl('conversation', 'show', 'a1', code=5)
    waits = stox.ctl('queue', 'list')
    assert 'the set-up of its stream: TLS' in waits.out and '12.5' in waits.out, waits.out
    assert waits.err.startswith('(7 that began to wait later')
    assert stox.ctl('queue', 'list', '--partner', 'fabrikam.example', '--json').json()['items'][0]['messages'] == 3


def test_subscriptions_are_listed_shown_and_refreshed(stox):
    who = 'alice@contoso.example', '=romeo,@fabrikam.example'
    listed = stox.ctl('subscription', 'list', '--user', who[0])
    assert listed.lines()[0].split()[:4] == ['watcher', 'watched', 'state', 'expires-s'] and 'active' in listed.lines()[1]
    assert listed.err == '(there are more: --limit, --user and --partner show others)\n'
    assert stox.ctl('subscription', 'list', '--json').json()['items'][0]['watched'] == who[1]
    assert 'garden' in stox.ctl('subscription', 'show', *who).out
    assert stox.ctl('subscription', 'refresh', *who).out == '1 subscription refreshed\n'
    assert 'no subscription' in stox.ctl('subscription', 'refresh', who[0], 'x@y.example', code=5).err


def test_contacts_are_listed_shown_removed(stox):
    who = 'alice@contoso.example', '=romeo,@fabrikam.example'
    listed = stox.ctl('contact', 'list', '--user', who[0], '--state', 'to')
    assert listed.lines()[0].split()[:4] == ['sip', 'xmpp', 'sip-watches', 'xmpp-watches'] and len(listed.lines()) == 3, listed.out
    assert listed.err == ''  # both pages
    one = stox.ctl('contact', 'list', '--limit', 1)
    assert len(one.lines()) == 2 and one.err == '(there are more: --limit shows them)\n'
    assert len(stox.ctl('contact', 'list', '--json').json()['items']) == 2
    assert stox.ctl('contact', 'list', '--csv').lines()[1].startswith('alice@contoso.example,"\'=romeo,@fabrikam.example",granted,no')
    assert 'state: one of' in stox.ctl('contact', 'list', '--state', 'x', code=1).err
    stox.ctl('contact', 'list', '--limit', '0', code=2)
    assert re.search(r'^subscription: +to$', stox.ctl('contact', 'show', *who).out, re.M)
    assert stox.ctl('contact', 'show', who[0], 'x@y.example', code=5).err == 'stoxctl: these two are no contact of each other\n'
    assert stox.ctl('contact', 'remove', *who).out == 'alice@contoso.example watches =romeo,@fabrikam.example no more\n'
    assert stox.ctl('contact', 'remove', *who, '--both').out.endswith('watch each other no more\n')
    assert stox.ctl('contact', 'remove', *who, '--json').json()['added'] is True
    stox.ctl('contact', 'remove', who[0], code=2)
    assert [r.split()[-1] for r in stox.ctl('audit', 'list', '--kind', 'contact').lines() if r[0].isdigit()] == [who[1]] * 3


def test_contacts_of_a_domain_are_purged_when_that_is_confirmed(stox):
    purge = 'contact', 'purge', '--domain', 'fabrikam.example'
    assert stox.ctl(*purge, '--what-if').out == '12 contacts would be removed\n'
    assert '--force' in stox.ctl(*purge, code=1).err
    assert stox.ctl(*purge, '--force').out == '12 contacts removed\n'
    assert stox.ctl('contact', 'purge', '--user', 'bob@contoso.example').out == '0 contacts removed\n'
    stox.ctl('contact', 'purge', code=2)


def test_what_export_writes_import_takes(stox, tmp_path):
    file = tmp_path / 'contacts.csv'
    stox.ctl('contact', 'export', file)
    lines = file.read_text().splitlines()
    assert lines[0] == 'sip,xmpp,sip-watches,xmpp-watches,added,sip-since,xmpp-since,partner'
    assert lines[1] == 'alice@contoso.example,"\'=romeo,@fabrikam.example",granted,no,yes,,,fabrikam.example' and len(lines) == 3
    assert stox.ctl('contact', 'export').out == file.read_text()
    assert stox.ctl('contact', 'import', file, '--what-if').out == '2 contacts would be imported\n'
    assert stox.ctl('contact', 'import', file).out == '2 contacts imported\n'
    assert 'no such file' in stox.ctl('contact', 'import', tmp_path / 'no', code=1).err.lower()
    many = tmp_path / 'many.csv'
    many.write_text('xmpp,sip\r\n' + ''.join(f'r{i}@f.example,a@c.example\r\n' for i in range(2500)))
    assert stox.ctl('contact', 'import', many).out == '2500 contacts imported\n'
    for text, says in (('a,b\n', 'line 1: the first line names no columns'), ('sip,xmpp\na\n', 'line 2: there are more or fewer'),
                       ('sip,xmpp\n"a,b\n', 'line 2: a quote is not closed'), ('sip,xmpp\na"b",c,d\n', 'line 2: there are more'),
                       ('sip,xmpp\n"a"b,c\n', 'line 2: a quote'), ('sip,xmpp\n,x@f.example\n', 'sip: this is no address'),
                       ('sip,xmpp\n' + 'a' * 20000 + ',b\n', 'line 2: it is too long'), ('x,' * 40 + '\n', 'too many columns')):
        many.write_text(text)
        assert says in stox.ctl('contact', 'import', many, code=1).err, text[:50]


def test_a_trace_is_a_ladder_that_steers_no_terminal(stox, tmp_path):
    file = tmp_path / 'ticket'
    done = stox.ctl('trace', '--user', 'alice@contoso.example', '--count', 2, '--ascii', '--output', file)
    lines = done.lines()
    assert lines[1] == '-- SIP: alice@contoso.example   XMPP: romeo@fabrikam.example   conversation 00000000000000a1'
    assert re.match(r'00:00:00\.123Z MESSAGE sip:r\\u\{f6\}meo -+>\|$', lines[2]), lines
    assert re.match(r'00:00:00\.123Z +\|---> message id=\\u\{1b\}\[2J$', lines[4]), lines
    assert done.err == '(3 events are missing here: more passed than could be read)\n'
    assert file.read_text().replace(done.err, '', 1) == done.out and done.err in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    events = [json.loads(line) for line in stox.ctl('trace', '--partner', 'p.example', '--count', 2, '--json').lines()]
    assert [e['n'] for e in events] == [1, 2]
    stox.ctl('trace', code=2)
    stox.ctl('trace', '--user', 'a@b.example', '--for', '2x', code=2)
    stox.ctl('trace', '--user', 'a@b.example', '--count', '0', code=2)
    assert 'cannot be written' in stox.ctl('trace', '--user', 'a@b.example', '--output', tmp_path / 'no' / 'file', code=1).err


def test_a_trace_ends_when_it_is_interrupted(stox):
    popen = stox.begin('trace', '--user', 'alice@contoso.example', '--json')
    assert popen.stdout.readline().startswith('{"n":1')
    popen.send_signal(signal.SIGINT)
    popen.communicate(timeout=PATIENCE)
    assert popen.returncode == 0


def test_a_test_message_says_result_latency_error_and_diagnosis(stox):
    who = '--from', 'alice@contoso.example', '--to'
    assert stox.ctl('test', 'im', *who, 'romeo@fabrikam.example').out == (
        'From:      alice@contoso.example\nTo:        romeo@fabrikam.example\nResult:    Success\n'
        'Latency:   01:02:03.004\nError:     \nDiagnosis: It was acknowledged.\n')
    failed = stox.ctl('test', 'im', *who, 'x@y.example', code=1).lines()
    assert failed[2] == 'Result:    Failure' and failed[4:] == ['Error:     504', 'Diagnosis: It was not\\u{1b}[2J.'], failed
    assert stox.ctl('test', 'im', *who, 'romeo@fabrikam.example', '--json').json()['latency-ms'] == 3723004
    assert 'ten tests' in stox.ctl('test', 'im', *who, 'romeo@fabrikam.example', '--text', 'again', code=4).err
    stox.ctl('test', 'im', '--from', 'a@b.example', code=2)


def test_a_test_of_presence_is_a_ladder_with_a_verdict(stox):
    who = 'alice@contoso.example', 'romeo@fabrikam.example'
    lines = stox.ctl('test', 'presence', *who, code=1).lines()
    assert re.match(r'  0\.000 s  policy +ok +the SIP user may talk to partners$', lines[0]), lines
    assert re.match(r'  0\.012 s  notify +FAILED +NOTIFY\\u\{1b\}\[2J$', lines[1]), lines
    assert lines[2:] == ['', 'It is refused.'], lines
    for way in 'sip-to-xmpp', 'xmpp-to-sip':
        assert stox.ctl('test', 'presence', *who, '--way', way).lines()[-1] == 'It works.'
    assert stox.ctl('test', 'presence', *who, '--json', code=1).json()['fault'] == 'refused'
    assert 'way is both' in stox.ctl('test', 'presence', *who, '--way', 'x', code=1).err
    assert 'ten tests' in stox.ctl('test', 'presence', 'again@contoso.example', who[1], code=4).err
    stox.ctl('test', 'presence', who[0], code=2)


def test_the_audit_says_who_changed_what(stox):
    stox.ctl('partner', 'new', 'a.example', '--tls', 'optional')
    stox.ctl('partner', 'set', 'a.example', '--tls', 'required')
    stox.ctl('site', 'new', 'x')
    lines = stox.ctl('audit', 'list', '--kind', 'partner', '--name', 'a.example').lines()
    assert re.match(r'\d+ \d{4}-\d\d-\d\dT[\d:.]+Z \S+ unix set partner a.example$', lines[0]), lines
    assert lines[1:3] == ['  - tls: optional', '  + tls: required']
    found = stox.ctl('audit', 'list', '--search', 'OPTIONAL', '--who', 'unix:', '--since', '2020-01-01T00:00:00Z', '--json').json()['items']
    assert [row['action'] for row in found] == ['set', 'new']
    assert len(stox.ctl('audit', 'list', '--limit', 1, '--json').json()['items']) == 1
    assert stox.ctl('audit', 'list', '--csv').lines()[0] == 'seq,at,who,from,action,kind,name'


def test_administrators_and_tokens_come_and_go(stox):
    stox.ctl('user', 'new', 'anna', '--role', 'administrator', input=PASSWORD)
    assert '12' in stox.ctl('user', 'new', 'bert', input='short\n', code=1).err
    stox.ctl('user', 'new', 'bert', '--description', 'night shift', input=PASSWORD)
    stox.ctl('user', 'set', 'bert', '--role', 'helpdesk')
    stox.ctl('user', 'passwd', 'bert', input='another long password\n')
    assert stox.ctl('user', 'list', '--where', 'role=helpdesk', '--names').lines() == ['bert']
    stox.ctl('user', 'remove', 'bert', '-f')
    assert 'last administrator' in stox.ctl('user', 'set', 'anna', '--locked', 'yes', code=6).err
    stox.ctl('user', 'set', 'anna', '--locked', 'no')
    assert 'last administrator' in stox.ctl('user', 'remove', 'anna', '-f', code=6).err
    token = stox.ctl('token', 'new', 'watch', '--role', 'reader', '--expires', '30d').out
    assert re.fullmatch(r'stox_[\w-]{43}\n', token)
    assert re.search(r'^watch +reader +\d{4}-\d\d-\d\dT', stox.ctl('token', 'list').out, re.M)
    stox.ctl('token', 'new', 'bad', '--expires', 'soon', code=2)
    stox.ctl('token', 'revoke', 'watch', '-f')
    assert stox.ctl('token', 'list', '--names').out == ''


def test_a_password_is_typed_twice_without_an_echo(stox):
    terminal = stox.terminal('user', 'new', 'anna', '--role', 'administrator')
    terminal.until('Password: ')
    terminal.type('correct horse battery')
    terminal.until('Once more: ')
    terminal.type('correct horse battery')
    assert terminal.end() == 0
    assert 'correct' not in terminal.text


def test_a_token_opens_http_and_a_role_closes_what_it_may_not(stox, tmp_path):
    token = stox.ctl('token', 'new', 'watch', '--role', 'reader').out.strip()
    server = ('--server', f'http://127.0.0.1:{stox.port}')
    (tmp_path / 'token').write_text(token + '\n')
    assert 'does not know you' in stox.ctl('partner', 'list', *server, code=4).err
    stox.ctl('partner', 'list', *server, '--token-file', tmp_path / 'token', env={'http_proxy': 'http://127.0.0.1:1'})
    stox.ctl('partner', 'list', '--server', server[1] + '/', '--token-file', tmp_path / 'token')
    assert 'reader' in stox.ctl('session', *server, env={'STOX_TOKEN': token}).out
    stox.ctl('partner', 'new', 'a.example', *server, '--token-file', tmp_path / 'token', code=4)
    stox.ctl('partner', 'list', *server, '--token-file', tmp_path / 'none', code=2)
    (tmp_path / 'bad').write_text('a\r\nX-Evil: 1')
    assert 'this is no token' in stox.ctl('partner', 'list', *server, '--token-file', tmp_path / 'bad', code=2).err


def test_a_token_never_crosses_a_network_in_the_clear(nobody):
    for server in ('http://localhost:x@stox.contoso.example', 'http://127.0.0.1\\@stox.contoso.example', 'http://localhost?x'):
        assert 'is neither unix:PATH' in nobody.ctl('partner', 'list', '--server', server, code=2, env={'STOX_TOKEN': 'stox_x'}).err
    for host in ('192.0.2.1', 'stox.contoso.example', '127.0.0.1.contoso.example'):
        done = nobody.ctl('partner', 'list', '--server', f'http://{host}:8443', code=2, env={'STOX_TOKEN': 'stox_x'})
        assert 'in the clear' in done.err


def test_https_needs_the_authority_that_signed(nobody, tmp_path):
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext',
                    'subjectAltName=IP:127.0.0.1', '-keyout', tmp_path / 'key', '-out', tmp_path / 'cert'], check=True,
                   capture_output=True)
    nobody.start(tmp_path / 'cert', tmp_path / 'key')
    try:
        token = nobody.ctl('token', 'new', 'watch').out.strip()
        server = ('--server', f'https://127.0.0.1:{nobody.port}')
        done = nobody.ctl('partner', 'list', *server, code=3, env={'STOX_TOKEN': token})
        assert 'is not trusted' in done.err and '--ca-file' in done.err
        nobody.ctl('partner', 'list', *server, '--ca-file', tmp_path / 'cert', env={'STOX_TOKEN': token})
    finally:
        nobody.stop()


def test_setup_makes_the_first_administrator(stox):
    token = re.search(r'admin-setup token=(\S+)', (stox.folder / 'log').read_text()).group(1)
    server = ('--server', f'http://127.0.0.1:{stox.port}')
    stox.ctl('setup', 'anna', *server, input=f'wrong\n{PASSWORD}', code=4)
    assert 'is the first administrator' in stox.ctl('setup', 'anna', *server, input=f'{token}\n{PASSWORD}').out
    assert stox.ctl('user', 'list', '--names').lines() == ['anna']


def test_help_is_there_for_every_command(nobody):
    done = nobody.ctl('help')
    commands = re.findall(r'^  ([a-z-]+(?: [a-z-]+)?)  ', done.out, re.M)
    assert len(commands) > 40 and 'partner set' in commands and 'matrix' in commands
    for command in commands:
        assert nobody.ctl('help', *command.split()).out.startswith(f'Usage: stoxctl {command}')
        assert nobody.ctl(*command.split(), '--help').out.startswith('Usage: stoxctl')
    assert nobody.ctl('partner', '--help').lines()[0].startswith('  partner new')
    nobody.ctl('help', 'nothing', code=2)
    nobody.ctl(code=2)


def test_the_manual_page_is_good_troff_and_names_every_flag(nobody):
    page = (BUILD / 'src/ctl/stoxctl.1').read_text()
    assert page == nobody.ctl('help', '--man').out
    for flag in ('\\-\\-tls VALUE', '\\-\\-add\\-domain VALUE', '\\-\\-dialback\\-passphrase', '\\-\\-what\\-if'):
        assert flag in page
    done = subprocess.run(['groff', '-man', '-ww', '-Tutf8', '-z'], input=page, capture_output=True, text=True)
    assert done.stderr == ''


def complete(stox, words, shell='bash'):
    """What bash offers for the last word."""
    script = (f'source {BUILD}/src/ctl/stoxctl.bash; COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; '
              '[ "${COMP_WORDS[COMP_CWORD]}" != EMPTY ] || COMP_WORDS[COMP_CWORD]=; _stoxctl; printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(['bash', '-c', script], capture_output=True, text=True,
                          env={**stox.env, 'PATH': f'{STOXCTL.parent}:{os.environ["PATH"]}'})
    assert not done.stderr, done.stderr
    return done.stdout.split('\n')[:-1]


def test_bash_completes_commands_flags_values_and_names(stox):
    stox.ctl('partner', 'new', 'fabrikam.example')
    assert complete(stox, ['stoxctl', 'part']) == ['partner']
    assert complete(stox, ['stoxctl', 'partner', 'se']) == ['set']
    assert complete(stox, ['stoxctl', 'partner', 'set', '--add']) == ['--additional-domains', '--add-domain', '--add-pin']
    assert complete(stox, ['stoxctl', 'partner', 'set', '--tls', 'o']) == ['optional']
    assert complete(stox, ['stoxctl', 'partner', 'set', '--dialback', 'EMPTY']) == ['on', 'off']
    assert complete(stox, ['stoxctl', 'partner', 'show', 'fab']) == ['fabrikam.example']
    assert complete(stox, ['stoxctl', 'completion', 'EMPTY']) == ['bash', 'zsh']


def test_no_name_is_run_by_completion(stox, tmp_path):
    stox.ctl('sip-user', 'set', f'x$(touch${{IFS}}hit)`touch`@contoso.example', '--served', 'no', code=None)
    env = dict(stox.env)
    names = stox.ctl('sip-user', 'list', '--names').lines()
    assert len(names) == 1, 'the hostile name was not taken, so nothing is proven'
    offered = complete(stox, ['stoxctl', 'sip-user', 'show', 'EMPTY'])
    assert len(offered) == 1 and '\\$\\(touch' in offered[0]
    assert env == stox.env and not (tmp_path / 'hit').exists() and not os.path.exists('hit')


def test_zsh_reads_its_completion(nobody):
    done = subprocess.run(['zsh', '-n', str(BUILD / 'src/ctl/_stoxctl')], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_interrupted_password_leaves_the_terminal_as_it_was(stox):
    terminal = stox.terminal('user', 'new', 'anna')
    terminal.until('Password: ')
    assert not termios.tcgetattr(terminal.fd)[3] & termios.ECHO
    os.write(terminal.fd, b'half a pass\x03')
    assert terminal.end(lambda: termios.tcgetattr(terminal.fd)[3] & termios.ECHO) == -signal.SIGINT


def test_json_on_a_terminal_is_ascii(stox):
    stox.ctl('partner', 'new', 'a.example', '--description', 'caf\u00e9')
    terminal = stox.terminal('partner', 'show', 'a.example', '--json')
    assert terminal.end() == 0
    assert 'caf\\u00E9' in terminal.text and terminal.text.isascii()
    assert stox.ctl('partner', 'show', 'a.example', '--json').json()['description'] == 'caf\u00e9'


def test_records_are_lines_of_a_zone_file_and_notes_are_not_among_them(stox):
    done = stox.ctl('dns', 'records', 'contoso.example')
    assert done.out == ('; contoso.example: how they find it\n'
                        '_xmpp-server._tcp.contoso.example. IN SRV 5 0 5269 gw.contoso.example.\n')
    assert done.err == 'note     it has no certificate\\u{1b}[2J\n'
    assert stox.ctl('dns', 'records', '--ttl', '5m', '--json').json()['items'][0]['ttl'] == 300
    assert 'none of our SIP domains' in stox.ctl('dns', 'records', 'other.example', code=1).err
    stox.ctl('dns', 'records', '--ttl', 'soon', code=2)


def test_a_check_is_followed_to_its_verdict(stox):
    done = stox.ctl('dns', 'check', 'contoso.example', '--resolver', '192.0.2.53')
    assert done.out == ('ok       it leads here\n'
                        'note     no room\\u{1b}[2J\n         make room\n             rm -r everything\n'
                        '\nDNS is right.\n')
    failed = stox.ctl('check', code=1)
    assert 'FAILED   no room' in failed.out and failed.out.endswith('\nIt is not\\u{1b}[2J.\n')
    assert stox.ctl('check', '--json', code=1).json()['works'] is False
    assert 'already' in stox.ctl('dns', 'check', 'many.example', code=4).err
    assert 'IP address' in stox.ctl('dns', 'check', '--resolver', 'x', code=1).err
