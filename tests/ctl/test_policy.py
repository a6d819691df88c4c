"""Policies: who gets them, and which one decides."""


def test_a_policy_is_granted_and_revoked(stox):
    stox.ctl('policy', 'new', 'FedXmpp', '--federation', 'on', '--xmpp', 'on')
    stox.ctl('policy', 'grant', 'FedXmpp', '--to', 'alice@contoso.example', 'bob@contoso.example')
    assert stox.ctl('sip-user', 'list', '--where', 'policy=FedXmpp', '--names').lines() == ['alice@contoso.example', 'bob@contoso.example']
    stox.ctl('policy', 'revoke', 'alice@contoso.example')
    assert stox.ctl('sip-user', 'list', '--names').lines() == ['bob@contoso.example']


def test_a_grant_is_all_or_none(stox):
    stox.ctl('policy', 'new', 'FedXmpp')
    done = stox.ctl('policy', 'grant', 'FedXmpp', '--to', 'alice@contoso.example', 'no user', code=1)
    assert 'no user' in done.err
    assert stox.ctl('sip-user', 'list', '--names').out == ''
    assert 'there is no policy "Other"' in stox.ctl('policy', 'grant', 'Other', '--to', 'a@contoso.example', code=1).err
    assert 'to whom?' in stox.ctl('policy', 'grant', 'FedXmpp', code=2).err
    assert 'nothing to change' in stox.ctl('policy', 'grant', 'FedXmpp', '--to', '-').out


def test_names_may_come_from_powershell(stox, tmp_path):
    stox.ctl('policy', 'new', 'FedXmpp')
    stox.ctl('policy', 'grant', 'FedXmpp', '--to', '-', input='\ufeffalice@contoso.example\r\n\r\nbob@contoso.example\r\n')
    assert stox.ctl('sip-user', 'list', '--names').lines() == ['alice@contoso.example', 'bob@contoso.example']
    wide = tmp_path / 'wide.txt'
    wide.write_bytes('\ufeffalice@contoso.example\r\n'.encode('utf-16-le'))
    with open(wide) as names:
        done = stox.ctl('policy', 'revoke', '-', stdin=names, code=1)
    assert '-Encoding UTF8' in done.err


def test_a_hundred_thousand_users_get_a_policy_in_one_batch(stox):
    users = ''.join(f'user{i:06}@contoso.example\n' for i in range(100000))
    stox.ctl('policy', 'new', 'FedXmpp')
    assert '100000 of 100000 changed' in stox.ctl('policy', 'grant', 'FedXmpp', '--to', '-', input=users).out
    assert stox.ctl('sip-user', 'list', '--names').out == users
    assert stox.ctl('policy', 'effective', 'user099999@contoso.example', '--json').json()['policy'] == 'FedXmpp'


def test_effective_says_which_policy_decides_and_why(stox):
    stox.ctl('site', 'new', 'redmond', '--add-user', 'us-*@contoso.example')
    stox.ctl('policy', 'new', 'site:redmond', '--federation', 'on', '--xmpp', 'on')
    stox.ctl('policy', 'new', 'Nothing')
    stox.ctl('policy', 'grant', 'Nothing', '--to', 'us-bob@contoso.example')
    done = stox.ctl('policy', 'effective', 'us-alice@contoso.example')
    assert 'us-alice@contoso.example may not talk to XMPP partners: federation is turned off for the organisation' in done.out
    stox.ctl('org', 'set', '--federation', 'on')
    done = stox.ctl('policy', 'effective', 'us-alice@contoso.example')
    assert 'us-alice@contoso.example may talk to XMPP partners' in done.out
    assert 'The policy "site:redmond" decides (the site\'s' in done.out and 'Site: redmond.' in done.out
    done = stox.ctl('policy', 'effective', 'us-bob@contoso.example')
    assert 'may not talk' in done.out and 'The policy "Nothing" decides (granted to the user' in done.out
    assert 'The policy "global" decides' in stox.ctl('policy', 'effective', 'carol@contoso.example').out
