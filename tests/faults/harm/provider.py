"""Harm at the provider: it throttles, ends, accepts without a word, refuses."""

import time

from tests.faults.scene import Scene


def throttle(scene: Scene) -> None:
    """The provider says later for a while, then all is well."""
    for reply in ("421 too fast", "451 try again", "450 busy"):
        scene.when(scene.dice.uniform(0.1, 0.3))
        scene.town.provider_does(reply=reply)
        time.sleep(2)
        scene.town.provider_does()
    scene.over()
    scene.make_waiting_due()


def no_provider(scene: Scene) -> None:
    """Connection refused, in mid-run, until the provider is back at the same port."""
    scene.when(0.3)
    scene.town.kill("provider")
    # it takes its answers with it: to as many mails as both processes of the worker have
    # connections open
    scene.kills += 2
    time.sleep(3)
    scene.town.start_provider()
    scene.over()
    scene.make_waiting_due()


def to_the_end(scene: Scene) -> None:
    """The provider has been told before its first mail what to do to one reader."""
    scene.when(1)
