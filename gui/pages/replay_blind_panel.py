"""The blind comparison on screen: numbers to listen to, a preference, and what was behind them."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from gui.pages.replay_deck import MOST_TAKES, Deck
from gui.widgets.buttons import Choice, PushButton, Segments
from gui.widgets.text import label


class BlindPanel(QFrame):
    """Takes the place of the takes' cards while their names are secret. `used(slot)`, `left()`."""

    used = Signal(int)
    left = Signal()

    def __init__(self, deck: Deck) -> None:
        super().__init__()
        self.setObjectName("tile")
        self._deck = deck
        self.numbers = Segments(
            "Number",
            tuple(
                Choice(str(n), str(n + 1), f"Listen to number {n + 1} (key {n + 1})")
                for n in range(MOST_TAKES)
            ),
        )
        self.hint = label("", wrap=True)
        self.score = label("", "caption", wrap=True)
        self.prefer = PushButton("I prefer this one", "primary")
        self.next = PushButton("Next round", "primary", "replay", "on_accent")
        self.use = PushButton("Use the preferred voice")
        self.leave = PushButton("End the comparison")
        self.numbers.chosen.connect(lambda value: self.listen(int(value)))
        self.prefer.clicked.connect(lambda: deck.prefer(int(self.numbers.value())))
        self.next.clicked.connect(deck.start_blind)
        self.use.clicked.connect(self._use)
        self.leave.clicked.connect(self.left)
        self._lay_out()

    def listen(self, number: int) -> None:
        """Goes over to a number."""
        if self._deck.blind is not None and number < len(self._deck.blind.names):
            self.numbers.choose(str(number))
            self._deck.listen_to_number(number)

    def show_deck(self) -> None:
        """Shows the state of the test."""
        test = self._deck.blind
        if test is None:
            return
        for n in range(MOST_TAKES):
            button = self.numbers.button(str(n))
            button.setVisible(n < len(test.names))
            if n < len(test.names):
                name = self._deck.slots[self._deck.slot_at_number(n)].name
                button.setText(f"{n + 1} · {name}" if test.revealed else f"{n + 1}")
                if not self._deck.hidden or self._deck.slot_at_number(n) == self._deck.heard:
                    button.setChecked(self._deck.slot_at_number(n) == self._deck.heard)
        self.hint.setText(_hint(self._deck))
        self.score.setText(test.score())
        self.prefer.setVisible(not test.revealed)
        for widget in (self.next, self.use):
            widget.setVisible(test.revealed)
        self.use.setEnabled(test.preferred is not None and self._voice_of(test.preferred))

    def _voice_of(self, take: int) -> bool:
        return self._deck.slots[self._deck.blind_slot(take)].voice is not None

    def _use(self) -> None:
        test = self._deck.blind
        if test is not None and test.preferred is not None:
            self.used.emit(self._deck.blind_slot(test.preferred))

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.prefer, self.next, self.use, self.leave):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(10)
        column.addWidget(self.hint)
        column.addWidget(self.numbers)
        column.addLayout(buttons)
        column.addWidget(self.score)
        column.addStretch(1)


def _hint(deck: Deck) -> str:
    test = deck.blind
    assert test is not None
    if test.preferred is None:
        return "The takes are shuffled and nameless. Listen to each number, then say which one you prefer."
    return f"You preferred {test.names[test.preferred]}."
