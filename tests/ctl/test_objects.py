"""new, set, list, show, remove of every kind, and what is asked before."""
import csv
import io
import json

PARTNERS = ('a.example', 'b.org', 'c.org')


def three_partners(stox):
    stox.ctl('partner', 'new', 'a.example', '--type', 'federated', '--sasl', 'required', '--dialback', 'off')
    stox.ctl('partner', 'new', 'b.org', '--sasl', 'optional')
    stox.ctl('partner', 'new', 'c.org', '--type', 'PublicVerified', '--dialback', 'no')


def test_a_partner_is_made_as_the_cmdlet_made_it(stox):
    done = stox.ctl('partner', 'new', 'fabrikam.example', '--type', 'PublicVerified', '--add-domain', 'sales.fabrikam.example')
    assert done.out == 'partner fabrikam.example: made\n'
    assert 'not recommended' in done.err and 'dialback is never used' in done.err
    shown = stox.ctl('partner', 'show', 'Fabrikam.Example.', '--json').json()
    assert shown['type'] == 'public-verified' and shown['tls'] == 'required' and shown['dialback'] is True
    assert shown['additional-domains'] == ['sales.fabrikam.example']


def test_not_at_a_terminal_the_type_is_the_default(stox):
    stox.ctl('partner', 'new', 'fabrikam.example')
    assert stox.ctl('partner', 'show', 'fabrikam.example', '--json').json()['type'] == 'public-unverified'


def test_at_a_terminal_the_type_is_asked_for_with_its_meanings(stox):
    terminal = stox.terminal('partner', 'new', 'fabrikam.example')
    terminal.until('type [public-unverified]: ')
    for meaning in ('federated: its users may write', 'public-verified: the same', 'public-unverified: nothing until'):
        assert meaning in terminal.text
    terminal.type('friend')
    terminal.until('"friend" is not one of')
    terminal.type('Federated')
    assert terminal.end() == 0
    assert stox.ctl('partner', 'show', 'fabrikam.example', '--json').json()['type'] == 'federated'


def test_additional_domains_are_added_taken_replaced_and_cleared(stox):
    stox.ctl('partner', 'new', 'a.example', '--add-domain', 'one.example', '--add-domain', 'two.example')

    def domains(*change):
        stox.ctl('partner', 'set', 'a.example', *change)
        return stox.ctl('partner', 'show', 'a.example', '--json').json()['additional-domains']

    assert domains('--add-domain', 'three.example') == ['one.example', 'two.example', 'three.example']
    assert domains('--remove-domain', 'One.Example', '--add-domain', 'four.example') == ['two.example', 'three.example', 'four.example']
    assert domains('--additional-domains', 'x.example, y.example') == ['x.example', 'y.example']
    assert domains('--clear-additional-domains') == []


def test_set_takes_names_from_a_pipe_all_or_none(stox):
    three_partners(stox)
    names = stox.ctl('partner', 'list', '--where', 'sasl=Required', '--names').out
    assert names == 'a.example\nc.org\n'
    stox.ctl('partner', 'set', '-', '--sasl', 'Optional', input=names)
    assert stox.ctl('partner', 'list', '--where', 'sasl=optional', '--names').lines() == list(PARTNERS)
    done = stox.ctl('partner', 'set', '-', '--sasl', 'required', input=names + 'nobody.example\n', code=5)
    assert 'partner "nobody.example" is not there' in done.err
    assert stox.ctl('partner', 'list', '--where', 'sasl=required', '--names').out == ''


def test_an_empty_pipe_changes_nothing(stox):
    assert 'nothing to change' in stox.ctl('partner', 'set', '-', '--sasl', 'required').out


def test_what_if_shows_before_and_after_and_changes_nothing(stox):
    three_partners(stox)
    done = stox.ctl('partner', 'set', 'a.example', 'b.org', '--sasl', 'required', '--proxy', 'edge.a.example', '--what-if')
    assert done.lines() == ['partner a.example would change:', '  + proxy: edge.a.example', 'partner b.org would change:',
                            '  - sasl: optional', '  + sasl: required', '  + proxy: edge.a.example']
    assert stox.ctl('partner', 'show', 'b.org', '--json').json()['sasl'] == 'optional'
    assert 'would be removed' in stox.ctl('partner', 'remove', 'b.org', '--what-if').out
    assert stox.ctl('partner', 'list', '--names').lines() == list(PARTNERS)


def test_a_setting_goes_back_to_its_default(stox):
    stox.ctl('gateway', 'set', '--connection-limit', 1200, '--hold-time', 10)
    stox.ctl('gateway', 'set', '--reset', 'hold-time')
    gateway = stox.ctl('gateway', 'show', '--json').json()
    assert gateway['connection-limit'] == 1200 and gateway['hold-time'] == 20
    done = stox.ctl('gateway', 'set', '--reset', 'holdtime', code=1)
    assert 'did you mean hold-time?' in done.err


def test_removal_needs_a_yes_or_force(stox):
    three_partners(stox)
    assert '--force' in stox.ctl('partner', 'remove', 'a.example', code=1).err
    terminal = stox.terminal('partner', 'remove', 'a.example', 'b.org')
    terminal.until('Remove 2 partners, a.example and others? [y/N] ')
    terminal.type('n')
    assert terminal.end() == 1
    assert stox.ctl('partner', 'list', '--names').lines() == list(PARTNERS)
    terminal = stox.terminal('partner', 'remove', 'a.example')
    terminal.until('Remove partner a.example? [y/N] ')
    terminal.type('y')
    assert terminal.end() == 0
    unverified = stox.ctl('partner', 'list', '--where', 'type=PublicUnverified', '--names').out
    stox.ctl('partner', 'remove', '-', '-f', input=unverified)
    stox.ctl('partner', 'remove', 'c.org', '--confirm', 'off')
    assert stox.ctl('partner', 'list', '--names').out == ''


def test_confirm_on_asks_before_a_change(stox):
    three_partners(stox)
    terminal = stox.terminal('partner', 'set', 'a.example', '--dialback', 'on', '--confirm', 'on')
    terminal.until('[y/N] ')
    terminal.type('')
    assert terminal.end() == 1
    assert stox.ctl('partner', 'show', 'a.example', '--json').json()['dialback'] is False


def test_combinations_that_cannot_work_are_refused_and_strict_refuses_more(stox):
    done = stox.ctl('partner', 'new', 'a.example', '--tls', 'NotSupported', '--sasl', 'required', '--dialback', 'no', code=1)
    assert 'SASL works only over TLS' in done.err
    stox.ctl('partner', 'new', 'a.example', '--tls', 'NotSupported', '--sasl', 'required', '--strict', code=1)
    stox.ctl('partner', 'new', 'a.example', '--tls', 'NotSupported', '--sasl', 'required')


def test_exit_statuses_are_those_of_the_manual(stox):
    stox.ctl('partner', 'new', 'a.example')
    assert 'already there' in stox.ctl('partner', 'new', 'a.example', code=6).err
    assert 'there is no partner' in stox.ctl('partner', 'show', 'b.example', code=5).err
    stox.ctl('partner', 'set', 'b.example', '--tls', 'optional', code=5)
    stox.ctl('partner', 'set', 'a.example', '--tls', 'maybe', code=1)
    stox.ctl('partner', 'set', 'a.example', code=2)
    stox.ctl('partner', 'set', 'a.example', '--nothing', code=2)
    revision = stox.ctl('partner', 'show', 'a.example', '--json').json()['revision']
    stox.ctl('partner', 'set', 'a.example', '--tls', 'optional', '--if-revision', revision)
    done = stox.ctl('partner', 'set', 'a.example', '--tls', 'required', '--if-revision', revision, code=6)
    assert 'changed by somebody else' in done.err
    stox.ctl('partner', 'set', 'a.example', '--tls', 'required', '--if-revision', 'x', code=2)


def test_a_list_is_filtered_by_name_and_condition(stox):
    three_partners(stox)
    assert stox.ctl('partner', 'list', '--filter', '*.org', '--names').lines() == ['b.org', 'c.org']
    assert stox.ctl('partner', 'list', '--filter', '*.ORG', '--where', 'dialback=no', '--names').lines() == ['c.org']
    assert stox.ctl('partner', 'list', '--where', 'sasl!=optional', '--where', 'type~public*', '--names').lines() == ['c.org']
    assert 'did you mean sasl?' in stox.ctl('partner', 'list', '--where', 'ssasl=required', code=2).err


def test_a_list_is_whole_over_many_pages(stox, tmp_path):
    text = 'route "r" { next-hop = "192.0.2.1" }\n'
    text += ''.join(f'sip-domain "d{i:04}.example" {{ route = "r" }}\n' for i in range(2345))
    (tmp_path / 'many.conf').write_text(text)
    assert '2346 of 2346 changed' in stox.ctl('config', 'apply', tmp_path / 'many.conf').out
    names = stox.ctl('domain', 'list', '--names').lines()
    assert names == [f'd{i:04}.example' for i in range(2345)]
    assert len(stox.ctl('domain', 'list', '--json').json()) == 2345


def test_csv_is_read_by_a_csv_reader_and_holds_no_formula(stox):
    stox.ctl('partner', 'new', 'a.example', '--description', '=HYPERLINK("http://x"),"y"', '--add-domain', 'b.example',
             '--add-domain', 'c.example')
    rows = list(csv.DictReader(io.StringIO(stox.ctl('partner', 'list', '--csv').out)))
    assert len(rows) == 1 and rows[0]['name'] == 'a.example'
    assert rows[0]['description'] == '\'=HYPERLINK("http://x"),"y"'
    assert rows[0]['additional-domains'] == 'b.example, c.example'


def test_a_table_fits_its_terminal(stox):
    three_partners(stox)
    stox.ctl('partner', 'set', 'a.example', '--description', 'a description that is longer than a line is ' * 5)
    for columns in (40, 80, 132):
        terminal = stox.terminal('partner', 'list', columns=columns)
        assert terminal.end() == 0
        lines = [line for line in terminal.text.splitlines() if not line.startswith('(')]
        assert len(lines) >= 4 and all(len(line) <= columns for line in lines[:4]), terminal.text
        assert lines[0].startswith('name ')


def test_columns_are_chosen(stox):
    three_partners(stox)
    assert stox.ctl('partner', 'list', '--columns', 'tls,name').lines()[0].split() == ['tls', 'name']
    stox.ctl('partner', 'list', '--columns', 'tsl', code=2)


def test_every_kind_can_be_made_listed_and_removed(stox):
    stox.ctl('route', 'new', 'office', '--next-hop', '192.0.2.10', '--sources', '192.0.2.0/24,198.51.100.1')
    stox.ctl('domain', 'new', 'contoso.example', '--route', 'office')
    stox.ctl('site', 'new', 'redmond', '--add-user', 'us-*@contoso.example')
    stox.ctl('policy', 'new', 'site:redmond', '--federation', 'on')
    stox.ctl('sip-user', 'set', 'alice@contoso.example', '--served', 'no')
    stox.ctl('org', 'set', '--federation', 'on')
    for noun, name in (('route', 'office'), ('domain', 'contoso.example'), ('site', 'redmond'), ('policy', 'site:redmond'),
                       ('sip-user', 'alice@contoso.example')):
        assert name in stox.ctl(noun, 'list', '--names').lines()
        assert stox.ctl(noun, 'show', name, '--json').json()['name'] == name
    assert 'office' in stox.ctl('route', 'remove', 'office', '-f', code=1).err
    for noun, name in (('sip-user', 'alice@contoso.example'), ('policy', 'site:redmond'), ('site', 'redmond'),
                       ('domain', 'contoso.example'), ('route', 'office')):
        stox.ctl(noun, 'remove', name, '--force')


def test_a_block_is_added_looked_up_and_removed(stox):
    stox.ctl('partner', 'new', 'evil.example')
    assert stox.ctl('block', 'add', 'Mallory@evil.example', '--description', 'spam').out == 'block mallory@evil.example: made\n'
    stox.ctl('block', 'add', 'spam.example', 'sip:bob@contoso.example', '--add-partner', 'evil.example')
    assert stox.ctl('block', 'list', '--names').lines() == ['bob@contoso.example', 'mallory@evil.example', 'spam.example']
    assert stox.ctl('block', 'show', 'bob@contoso.example', '--json').json()['partners'] == ['evil.example']
    assert 'evil.example' in stox.ctl('partner', 'remove', 'evil.example', '-f', code=1).err
    assert 'there is no partner' in stox.ctl('block', 'set', 'spam.example', '--add-partner', 'nobody.example', code=1).err
    exported = stox.ctl('config', 'export').out
    assert 'block "mallory@evil.example" {' in exported and 'description = "spam"' in exported
    stox.ctl('block', 'remove', 'mallory@evil.example', 'spam.example', 'bob@contoso.example', '--force')
    assert stox.ctl('block', 'list', '--names').out == ''


def test_removing_the_global_policy_resets_it(stox):
    stox.ctl('policy', 'set', 'global', '--federation', 'on', '--xmpp', 'on')
    stox.ctl('policy', 'remove', 'global', '-f')
    policy = stox.ctl('policy', 'show', 'global', '--json').json()
    assert policy['federation'] is False and policy['xmpp'] is False


def test_a_secret_is_read_from_standard_input_and_never_shown(stox):
    stox.ctl('gateway', 'set', '--dialback-passphrase', '-', input='s3cr3t-passphrase\n')
    for argv in (('gateway', 'show'), ('gateway', 'show', '--json'), ('config', 'export'), ('audit', 'list', '--json')):
        assert 's3cr3t' not in stox.ctl(*argv).out


def test_json_output_is_the_answer_of_the_api(stox):
    done = stox.ctl('partner', 'new', 'a.example', '--json').json()
    assert done['changed'] == 1 and done['results'][0]['after']['name'] == 'a.example'
    assert json.loads(stox.ctl('partner', 'list', '--json').out)[0]['name'] == 'a.example'


def test_hostile_text_does_not_reach_the_terminal(stox):
    done = stox.ctl('partner', 'set', 'x\x1b[2J.example', '--tls', 'required', code=None)
    assert done.code in (1, 5) and '\x1b' not in done.err + done.out
