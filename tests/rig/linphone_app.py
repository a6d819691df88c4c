#!/usr/bin/python3
"""
liblinphone without a face: what linphone-daemon has no commands for, by the library's own functions. Run by rig/linphone.py.

    linphone_app.py CONFIG

Commands, a line each: message URI TEXT, compose URI, read URI, and those of linphone_friends.py; it ends with its input. Lines
that it writes: registered; received URI TEXT (JSON); composing URI 0|1; state TEXT STATE (JSON), each time that the state of a message
sent changes; and those of linphone_friends.py.
"""
import ctypes
import ctypes.util
import json
import os
import queue
import sys
import threading
import time

from linphone_friends import Friends

LIBRARY = "liblinphone.so.10"
EVERY_S = 0.02  # a client runs the library at least so often

_functions = {
    "linphone_factory_get": (ctypes.c_void_p,), "linphone_core_get_default_account": (ctypes.c_void_p, ctypes.c_void_p),
    "linphone_factory_create_core_3": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p),
    "linphone_factory_create_core_cbs": (ctypes.c_void_p, ctypes.c_void_p),
    "linphone_core_cbs_set_message_received": (None, ctypes.c_void_p, ctypes.c_void_p),
    "linphone_core_cbs_set_is_composing_received": (None, ctypes.c_void_p, ctypes.c_void_p),
    "linphone_core_add_callbacks": (None, ctypes.c_void_p, ctypes.c_void_p),
    "linphone_core_start": (ctypes.c_int, ctypes.c_void_p), "linphone_core_iterate": (None, ctypes.c_void_p),
    "linphone_core_set_network_reachable": (None, ctypes.c_void_p, ctypes.c_ubyte),
    "linphone_account_get_state": (ctypes.c_int, ctypes.c_void_p),
    "linphone_core_get_im_notif_policy": (ctypes.c_void_p, ctypes.c_void_p),
    "linphone_im_notif_policy_enable_all": (None, ctypes.c_void_p),
    "linphone_core_get_chat_room_from_uri": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p),
    "linphone_chat_room_get_peer_address": (ctypes.c_void_p, ctypes.c_void_p),
    "linphone_address_as_string_uri_only": (ctypes.c_void_p, ctypes.c_void_p),
    "linphone_chat_room_create_message_from_utf8": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p),
    "linphone_chat_message_get_callbacks": (ctypes.c_void_p, ctypes.c_void_p),
    "linphone_chat_message_cbs_set_msg_state_changed": (None, ctypes.c_void_p, ctypes.c_void_p),
    "linphone_chat_message_send": (None, ctypes.c_void_p), "linphone_chat_message_get_utf8_text": (ctypes.c_char_p, ctypes.c_void_p),
    "linphone_chat_message_state_to_string": (ctypes.c_char_p, ctypes.c_int),
    "linphone_account_get_params": (ctypes.c_void_p, ctypes.c_void_p),
    "linphone_account_params_clone": (ctypes.c_void_p, ctypes.c_void_p),
    "linphone_account_params_enable_cpim_in_basic_chat_room": (None, ctypes.c_void_p, ctypes.c_ubyte),
    "linphone_account_set_params": (ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p),
    "linphone_chat_room_allow_cpim": (None, ctypes.c_void_p, ctypes.c_ubyte),
    "linphone_chat_room_compose": (None, ctypes.c_void_p), "linphone_chat_room_mark_as_read": (None, ctypes.c_void_p),
    "linphone_chat_room_is_remote_composing": (ctypes.c_ubyte, ctypes.c_void_p),
}
REGISTERED = 2  # LinphoneRegistrationOk


def say(word, *what):
    print(word, *what, flush=True)


class App:
    def __init__(self, config):
        self.lib = ctypes.CDLL(LIBRARY)
        for name, (result, *arguments) in _functions.items():
            function = getattr(self.lib, name)
            function.restype, function.argtypes = result, arguments
        # The library keeps these pointers.
        self.on_message = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(self._message)
        self.on_composing = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(self._composing)
        self.on_state = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int)(self._state)
        factory = self.lib.linphone_factory_get()
        self.core = self.lib.linphone_factory_create_core_3(factory, config.encode(), None, None)
        callbacks = self.lib.linphone_factory_create_core_cbs(factory)
        self.lib.linphone_core_cbs_set_message_received(callbacks, self.on_message)
        self.lib.linphone_core_cbs_set_is_composing_received(callbacks, self.on_composing)
        self.friends = Friends(self.lib, self.core, callbacks, say, self.uri)
        self.lib.linphone_core_add_callbacks(self.core, callbacks)
        self.lib.linphone_im_notif_policy_enable_all(self.lib.linphone_core_get_im_notif_policy(self.core))
        self.lib.linphone_core_start(self.core)
        self.lib.linphone_core_set_network_reachable(self.core, 1)  # it takes the rig's, all on lo, for none
        self._use_cpim(self.lib.linphone_core_get_default_account(self.core))

    def _use_cpim(self, account):
        """Without it a message asks for no notification, and gets none."""
        params = self.lib.linphone_account_params_clone(self.lib.linphone_account_get_params(account))
        self.lib.linphone_account_params_enable_cpim_in_basic_chat_room(params, 1)
        self.lib.linphone_account_set_params(account, params)

    def uri(self, address):
        return ctypes.string_at(self.lib.linphone_address_as_string_uri_only(address)).decode()

    def _peer(self, room):
        return self.uri(self.lib.linphone_chat_room_get_peer_address(room))

    def _message(self, _core, room, message):
        text = self.lib.linphone_chat_message_get_utf8_text(message) or b""
        say("received", self._peer(room), json.dumps(text.decode()))

    def _composing(self, _core, room):
        say("composing", self._peer(room), self.lib.linphone_chat_room_is_remote_composing(room))

    def _state(self, message, state):
        text = self.lib.linphone_chat_message_get_utf8_text(message) or b""
        say("state", json.dumps(text.decode()), self.lib.linphone_chat_message_state_to_string(state).decode())

    def do(self, line):
        word, _, rest = line.partition(" ")
        if self.friends.do(word, rest):
            return
        uri, _, text = rest.partition(" ")
        room = self.lib.linphone_core_get_chat_room_from_uri(self.core, uri.encode())
        if word == "message":
            message = self.lib.linphone_chat_room_create_message_from_utf8(room, text.encode())
            self.lib.linphone_chat_message_cbs_set_msg_state_changed(self.lib.linphone_chat_message_get_callbacks(message),
                                                                     self.on_state)
            self.lib.linphone_chat_message_send(message)
        elif word == "compose":
            self.lib.linphone_chat_room_compose(room)
        elif word == "read":
            self.lib.linphone_chat_room_mark_as_read(room)

    def run(self, commands):
        registered = False
        while True:
            self.lib.linphone_core_iterate(self.core)
            account = self.lib.linphone_core_get_default_account(self.core)
            if not registered and account and self.lib.linphone_account_get_state(account) == REGISTERED:
                registered = True
                say("registered")
            try:
                line = commands.get_nowait()
            except queue.Empty:
                time.sleep(EVERY_S)
                continue
            if line is None:
                return
            self.do(line)


def main():
    commands = queue.Queue()

    def read():
        for line in sys.stdin:
            commands.put(line.rstrip("\n"))
        commands.put(None)
    threading.Thread(target=read, daemon=True).start()
    App(sys.argv[1]).run(commands)
    sys.stdout.flush()
    os._exit(0)  # nothing of the library's own end is of interest


if __name__ == "__main__":
    main()
