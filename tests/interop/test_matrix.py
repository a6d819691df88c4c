"""
The negotiation matrix (tests/interop/matrix.py): 18 rows of settings x {Prosody, ejabberd} x what the partner's server can
do x both ways. All cells run at once, each with a pair of domains of its own; then each is judged as a test of its own.
"""
import os
import re

import pytest

import matrix
import matrix_table

# What a refused cell must say: on the way out stoxd's log, on the way in too, unless the other side is a stranger.
SAID = {
    (matrix.CERTIFICATE, "out"): r"^\S+: the partner's certificate cannot be accepted: self-signed certificate",
    (matrix.CERTIFICATE, "in"): r"^we sent policy-violation: your certificate cannot be accepted \(self-signed certificate",
    (matrix.TLS_MISSING, "out"): r"TLS is required by your setting but the partner offers none \(set --tls optional",
    (matrix.TLS_MISSING, "in"): r"^TLS is required by your setting but the partner did not use it \(set --tls optional",
    (matrix.NO_PROOF, "out"): r"the partner offers no TLS and your setting allows no dialback.*\(set --dialback true",
    (matrix.NO_PROOF, "in"): r"^the partner did not use TLS and your setting allows no dialback.*\(set --dialback true",
    (matrix.TLS_FORBIDDEN, "out"): r"the partner requires TLS but your setting forbids it \(set --tls optional",
    (matrix.TLS_FORBIDDEN, "in"): r"^your setting forbids TLS, which the partner may require \(set --tls optional",
}
# What the sender is told of a partner whose settings could not be: it is no partner.
STRANGER = {"out": r"^404 This gateway does not serve that domain$", "in": r"there is no federation with your domain"}
NOT_VALID = {"not-supported": "allow TLS or turn dialback on", "other": "allow SASL or turn dialback on"}


@pytest.fixture(scope="module")
def world(rig):
    world = matrix.World(rig)
    world.run()
    os.makedirs(os.path.dirname(matrix_table.FILE), exist_ok=True)
    with open(matrix_table.FILE, "w") as f:
        f.write(matrix_table.text(world.outcomes))
    return world


@pytest.mark.parametrize("cell", matrix.CELLS, ids=str)
def test_a_cell_of_the_matrix_ends_as_the_rule_says(world, cell):
    method, reason = cell.expected
    outcome = world.outcomes[cell]
    if method:
        assert outcome.arrived and outcome.methods == {method}, outcome
        return
    assert not outcome.arrived and not outcome.methods and outcome.told, outcome
    if reason == matrix.NOT_VALID:
        assert re.search(STRANGER[cell.way], outcome.told), outcome
    else:
        assert any(re.search(SAID[reason, cell.way], why) for why in outcome.why), outcome


@pytest.mark.parametrize("row", [row for row in matrix.ROWS if not row.methods], ids=lambda row: "row%02d" % row.number)
def test_settings_without_a_method_are_refused_when_they_are_made(world, row):
    remedy = NOT_VALID["other" if row.sasl == "not-supported" else "not-supported"]
    said = [said for (_, _, number), said in world.settings.items() if number == row.number]
    assert len(said) == len(matrix.OFFERS) * 2
    for status, _, complaint in said:
        assert status != 0 and complaint.rstrip().endswith(remedy)
