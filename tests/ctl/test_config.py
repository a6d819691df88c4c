"""The whole configuration as text: out, compared, in again."""

TEXT = '''
org { federation = yes }
gateway { connection-limit = 1200 }
route "office" { next-hop = "192.0.2.10" sources = {"192.0.2.0/24"} }
sip-domain "contoso.example" { route = "office" }
partner "fabrikam.example" { type = federated dialback = no description = "says \\"hello\\" for \\$5, \\\\ and {x}" }
partner "gmail.example" { tls = not-supported sasl = not-supported keep-alive = no }
policy "FedXmpp" { federation = yes xmpp = yes }
site "redmond" { users = {"us-*@contoso.example"} }
sip-user "alice@contoso.example" { policy = "FedXmpp" }
'''


def apply(stox, tmp_path, text, *more, code=0):
    (tmp_path / 'new.conf').write_text(text)
    return stox.ctl('config', 'apply', tmp_path / 'new.conf', *more, code=code)


def test_what_was_exported_differs_in_nothing_and_applies_anew(stox, tmp_path):
    apply(stox, tmp_path, TEXT)
    stox.ctl('config', 'export', tmp_path / 'out.conf')
    exported = (tmp_path / 'out.conf').read_text()
    assert '# dialback-passphrase is set, and not shown' in exported and 'policy "global"' not in exported
    assert stox.ctl('config', 'diff', tmp_path / 'out.conf').lines() == ['--- the store', f'+++ {tmp_path}/out.conf']
    before = stox.ctl('partner', 'list', '--json').json()
    stox.ctl('config', 'apply', tmp_path / 'out.conf', '--prune', '-f')
    assert stox.ctl('partner', 'list', '--json').json() == before
    assert stox.ctl('config', 'export').out == exported


def test_diff_names_objects_and_settings(stox, tmp_path):
    apply(stox, tmp_path, TEXT)
    text = TEXT.replace('dialback = no', 'dialback = yes').replace('partner "gmail.example"', 'partner "other.example"')
    (tmp_path / 'new.conf').write_text(text)
    lines = stox.ctl('config', 'diff', tmp_path / 'new.conf', code=1).lines()
    at = lines.index('@@ partner "fabrikam.example": differs @@')
    assert lines[at + 1:at + 3] == ['-    dialback = no', '+    dialback = yes']
    at = lines.index('@@ partner "gmail.example": only in the store @@')
    assert lines[at + 1:at + 4] == ['-    tls = not-supported', '-    sasl = not-supported', '-    keep-alive = no']
    assert f'@@ partner "other.example": only in {tmp_path}/new.conf @@' in lines
    assert len([line for line in lines if line.startswith('@@')]) == 3


def test_apply_leaves_what_the_file_does_not_name_unless_pruned(stox, tmp_path):
    apply(stox, tmp_path, TEXT)
    small = 'gateway { hold-time = 10 }\npartner "new.example" { }\n'
    apply(stox, tmp_path, small)
    assert len(stox.ctl('partner', 'list', '--names').lines()) == 3
    gateway = stox.ctl('gateway', 'show', '--json').json()
    assert gateway['hold-time'] == 10 and gateway['connection-limit'] == 1000 and gateway['dialback-passphrase'] == '***'
    done = apply(stox, tmp_path, small, '--prune', code=1)
    assert '--force' in done.err
    done = apply(stox, tmp_path, small, '--prune', '--what-if')
    assert 'partner fabrikam.example would be removed:' in done.out and 'org would change:' in done.out
    apply(stox, tmp_path, small, '--prune', '--force')
    assert stox.ctl('partner', 'list', '--names').lines() == ['new.example']
    assert stox.ctl('route', 'list', '--names').out == ''
    assert stox.ctl('org', 'show', '--json').json()['federation'] is False


def test_the_passphrase_stays_when_the_file_leaves_it_out(stox, tmp_path):
    stox.ctl('gateway', 'set', '--dialback-passphrase', 'one of ours')
    before = stox.ctl('audit', 'list', '--json').json()['items'][0]['seq']
    apply(stox, tmp_path, 'org { }\n', '--prune', '-f')
    assert stox.ctl('gateway', 'show', '--json').json()['dialback-passphrase'] == '***'
    assert stox.ctl('audit', 'list', '--json').json()['items'][0]['seq'] == before, 'something was changed'


def test_faults_name_line_object_and_setting(stox, tmp_path):
    cases = {
        'partner "a.example" {\n  tsl = required\n}\n': ('line 2', 'did you mean "tls"?'),
        'partner "a.example" { tls = maybe }\n': ('partner "a.example"', 'tls: "maybe" is not one of'),
        'partner "a.example" { }\npartner "A.Example" { }\n': ('partner "a.example" is there twice',),
        'sip-domain "a.example" { route = "none" }\n': ('sip-domain "a.example"', 'there is no route "none"'),
        'partner "a.example" {': ('ends within a block',),
    }
    for text, parts in cases.items():
        done = apply(stox, tmp_path, text, code=1)
        for part in parts:
            assert part in done.err, done.err
    assert stox.ctl('partner', 'list', '--names').out == ''
    assert 'cannot be read' in stox.ctl('config', 'apply', tmp_path / 'missing.conf', code=1).err
