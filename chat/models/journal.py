"""The text of running replies, in the pieces in which it was committed."""

from django.db import models


class JournalPiece(models.Model):
    """One committed piece of a running reply. Pieces are joined into the message when it ends."""

    message = models.ForeignKey("chat.Message", on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("message", "number"), name="journal_piece_is_written_once"
            ),
        )

    def __str__(self) -> str:
        return f"piece {self.number} of message {self.message_id}"
