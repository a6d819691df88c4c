"""import lync: from the files that PowerShell wrote to a running gateway."""
import pytest

from conftest import LYNC


def files(ending):
    return [LYNC / f'{name}.{ending}' for name in ('partners', 'gateway', 'policies')]


@pytest.mark.parametrize('ending', ['xml', 'json', 'csv'])
def test_all_three_objects_are_taken_over(stox, ending):
    done = stox.ctl('import', 'lync', *files(ending), '--force')
    assert 'Tag:Fed Pic -> policy Fed-Pic (new)' in done.out
    assert 'Site:Redmond -> site Redmond (new, with no users' in done.out
    assert 'EnablePublicCloudAccess (of 3 objects): Stox has nothing like it' in done.out
    assert 'a passphrase of Lync' not in done.out
    fabrikam = stox.ctl('partner', 'show', 'fabrikam.example', '--json').json()
    assert (fabrikam['type'], fabrikam['sasl'], fabrikam['connection-limit']) == ('federated', 'optional', 12)
    if ending == 'csv':
        assert 'AdditionalDomains of fabrikam.example: not readable' in done.out and fabrikam['additional-domains'] == []
    else:
        assert fabrikam['additional-domains'] == ['sales.fabrikam.example', 'fabrikam-labs.example']
    gmail = stox.ctl('partner', 'show', 'gmail.example', '--json').json()
    assert (gmail['tls'], gmail['keep-alive'], gmail['proxy']) == ('not-supported', False, 'xmpp.gmail.example')
    assert stox.ctl('gateway', 'show', '--json').json()['connection-limit'] == 1200
    assert stox.ctl('policy', 'show', 'site:Redmond', '--json').json()['federation'] is True
    assert stox.ctl('site', 'show', 'Redmond', '--json').json()['users'] == []


def test_what_is_there_is_set_and_keeps_what_lync_does_not_know(stox):
    stox.ctl('gateway', 'set', '--hold-time', 10)
    stox.ctl('import', 'lync', *files('xml'), '--force')
    done = stox.ctl('import', 'lync', *files('json'), '--force')
    assert '(new)' not in done.out
    assert stox.ctl('gateway', 'show', '--json').json()['hold-time'] == 10


def test_it_asks_and_no_means_nothing(stox):
    terminal = stox.terminal('import', 'lync', *files('xml'))
    terminal.until('Import this? [y/N] ')
    terminal.type('no')
    assert terminal.end() == 1
    assert stox.ctl('partner', 'list', '--names').out == ''
    assert '--force imports' in stox.ctl('import', 'lync', *files('xml'), code=1).err
    assert 'would be made' in stox.ctl('import', 'lync', *files('xml'), '--what-if').out
    assert stox.ctl('partner', 'list', '--names').out == ''


def test_numbers_for_names_need_to_be_asked_for(stox):
    done = stox.ctl('import', 'lync', LYNC / 'partners-numbers.json', '--force', code=1)
    assert '--enum-numbers' in done.err and 'Export-Clixml' in done.err
    stox.ctl('import', 'lync', LYNC / 'partners-numbers.json', '--force', '--enum-numbers')
    assert stox.ctl('partner', 'show', 'gmail.example', '--json').json()['tls'] == 'not-supported'


def test_one_faulty_object_imports_none(stox, tmp_path):
    (tmp_path / 'p.json').write_text('[{"Identity": "a.example", "TlsNegotiation": "Required"}, {"Identity": "b.example", '
                                     '"TlsNegotiation": "NotSupported", "SaslNegotiation": "Required", '
                                     '"SupportDialbackNegotiation": false}]')
    done = stox.ctl('import', 'lync', tmp_path / 'p.json', '-f', code=1)
    assert 'partner "b.example"' in done.err
    assert stox.ctl('partner', 'list', '--names').out == ''


def test_a_hundred_thousand_granted_policies_come_in_one_batch(stox, tmp_path):
    (tmp_path / 'users.csv').write_text('#TYPE Selected.Microsoft.Rtc.Management.ADConnect.Schema.OCSADUser\n"SipAddress","ExternalAccessPolicy"\n' +
                                        ''.join(f'"sip:user{i:06}@contoso.example","FedPic"\n' for i in range(100000)))
    stox.ctl('policy', 'new', 'FedPic')
    assert '100000 of 100000 changed' in stox.ctl('import', 'lync', tmp_path / 'users.csv', '--force').out
    assert stox.ctl('policy', 'effective', 'user012345@contoso.example', '--json').json()['policy'] == 'FedPic'
