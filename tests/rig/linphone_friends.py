"""
Presence of liblinphone, for linphone_app.py: what its user says of himself, and whom he watches.

Commands: publish ACTIVITY NOTE (its number in the library's enum), offline (it is closed), watch URI, unwatch URI, register
(anew, by which it subscribes to whom it has lost). A line that it writes: shows (JSON), each time that something of a friend has come:
uri, state of the subscription, basic, activity, note.
"""
import ctypes
import json

FUNCTIONS = {
    "linphone_core_create_presence_model_with_activity_and_note": (
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p),
    "linphone_core_set_presence_model": (None, ctypes.c_void_p, ctypes.c_void_p),
    "linphone_core_cbs_set_notify_presence_received": (None, ctypes.c_void_p, ctypes.c_void_p),
    "linphone_core_create_friend_with_address": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p),
    "linphone_core_add_friend": (None, ctypes.c_void_p, ctypes.c_void_p),
    "linphone_core_remove_friend": (None, ctypes.c_void_p, ctypes.c_void_p),
    "linphone_core_refresh_registers": (None, ctypes.c_void_p),
    "linphone_core_stop": (None, ctypes.c_void_p),
    "linphone_friend_enable_subscribes": (ctypes.c_int, ctypes.c_void_p, ctypes.c_ubyte),
    "linphone_friend_edit": (None, ctypes.c_void_p), "linphone_friend_done": (None, ctypes.c_void_p),
    "linphone_friend_get_address": (ctypes.c_void_p, ctypes.c_void_p),
    "linphone_friend_get_subscription_state": (ctypes.c_int, ctypes.c_void_p),
    "linphone_friend_get_presence_model": (ctypes.c_void_p, ctypes.c_void_p),
    "linphone_presence_model_get_basic_status": (ctypes.c_int, ctypes.c_void_p),
    "linphone_presence_model_get_activity": (ctypes.c_void_p, ctypes.c_void_p),
    "linphone_presence_activity_get_type": (ctypes.c_int, ctypes.c_void_p),
    "linphone_presence_model_get_note": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p),
    "linphone_presence_note_get_content": (ctypes.c_char_p, ctypes.c_void_p),
}
STATES = {3: "pending", 4: "active", 5: "terminated"}  # LinphoneSubscriptionState
BASIC = {0: "open", 1: "closed"}


class Friends:
    """lib: the library. core, callbacks: its objects. say(word, ...) writes a line, uri(address) is text."""

    def __init__(self, lib, core, callbacks, say, uri):
        self.lib, self.core, self.friends, self._say, self._uri = lib, core, {}, say, uri
        for name, (result, *arguments) in FUNCTIONS.items():
            function = getattr(self.lib, name)
            function.restype, function.argtypes = result, arguments
        # The library keeps this pointer.
        self.on_presence = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(lambda _core, friend: self._shows(friend))
        self.lib.linphone_core_cbs_set_notify_presence_received(callbacks, self.on_presence)

    def _shows(self, friend):
        model = self.lib.linphone_friend_get_presence_model(friend)
        activity = model and self.lib.linphone_presence_model_get_activity(model)
        note = model and self.lib.linphone_presence_model_get_note(model, None)
        state = self.lib.linphone_friend_get_subscription_state(friend)
        self._say("shows", json.dumps({
            "uri": self._uri(self.lib.linphone_friend_get_address(friend)), "state": STATES.get(state, state),
            "basic": BASIC[self.lib.linphone_presence_model_get_basic_status(model)] if model else None,
            "activity": self.lib.linphone_presence_activity_get_type(activity) if activity else None,
            "note": self.lib.linphone_presence_note_get_content(note).decode() if note else None}, sort_keys=True))

    def _friend(self, uri):
        if uri not in self.friends:
            self.friends[uri] = self.lib.linphone_core_create_friend_with_address(self.core, uri.encode())
            self.lib.linphone_friend_enable_subscribes(self.friends[uri], 0)
            self.lib.linphone_core_add_friend(self.core, self.friends[uri])
        return self.friends[uri]

    def _watch(self, friend, whether):
        self.lib.linphone_friend_edit(friend)
        self.lib.linphone_friend_enable_subscribes(friend, whether)
        self.lib.linphone_friend_done(friend)

    def _publish(self, activity, note):
        model = self.lib.linphone_core_create_presence_model_with_activity_and_note(self.core, activity, None, note.encode(), None)
        self.lib.linphone_core_set_presence_model(self.core, model)

    def do(self, word, rest):
        """Whether it was one of these commands."""
        first, _, text = rest.partition(" ")
        if word == "publish":
            self._publish(int(first), text)
        elif word == "offline":
            self.lib.linphone_core_stop(self.core)
        elif word == "watch":
            self._watch(self._friend(first), 1)
        elif word == "unwatch":
            friend = self.friends.pop(first)
            self._watch(friend, 0)  # removed as it is it would go on to subscribe
            self.lib.linphone_core_remove_friend(self.core, friend)
        elif word == "register":
            self.lib.linphone_core_refresh_registers(self.core)
        else:
            return False
        return True
