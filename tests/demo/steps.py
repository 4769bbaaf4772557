"""The steps in their order, each with the calls and restarts that it is told to cost."""

from demo import change_control, lifecycle
from demo.play import Step

STEPS = (
    Step(
        title="an object, a certificate and a client CA: SSL is turned on, once",
        act=lifecycle.become_ready,
        modify=1,
        restarts=1,
    ),
    Step(
        title="the same certificate, written with other white space: nothing happens",
        act=lifecycle.rewrite_the_same,
        modify=0,
        restarts=0,
    ),
    Step(
        title="a new certificate in the Secret: one call, verified",
        act=lifecycle.rotate,
        modify=1,
        restarts=1,
    ),
    Step(
        title="a key that does not fit the certificate: said, not sent",
        act=lifecycle.break_the_pair,
        modify=0,
        restarts=0,
    ),
    Step(
        title="the right key again: heals by itself",
        act=lifecycle.repair_the_pair,
        modify=0,
        restarts=0,
    ),
    Step(
        title="kill -9 right after a change was sent: one restart, not two",
        act=lifecycle.survive_a_kill,
        modify=1,
        restarts=1,
    ),
    Step(
        title="an instance that is as declared already: adopted without a call",
        act=lifecycle.adopt,
        modify=0,
        restarts=0,
    ),
    Step(
        title="deletionPolicy Disable: SSL is turned off, then the object goes",
        act=lifecycle.delete_with_disable,
        modify=1,
        restarts=1,
    ),
    Step(
        title="a change that weakens: waits for its approval, and goes once",
        act=change_control.weaken,
        modify=2,
        restarts=2,
    ),
    Step(
        title="a client CA that eight instances share: five at a time",
        act=change_control.roll_a_shared_ca,
        modify=8,
        restarts=8,
    ),
    Step(
        title="somebody who changes it back again and again: cut off",
        act=change_control.end_a_fight,
        modify=1,
        restarts=1,
    ),
    Step(
        title="a new certificate: waits for the maintenance window",
        act=change_control.wait_for_the_window,
        modify=1,
        restarts=1,
    ),
)
