import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Messages that wait for the end of a reply, with the pictures that wait with them."""

    dependencies = [
        ("chat", "0026_presets"),
    ]

    operations = [
        migrations.CreateModel(
            name="QueuedMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", models.TextField()),
                ("send_key", models.UUIDField(default=uuid.uuid4, editable=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ready", "Ready"),
                            ("edited", "Being edited"),
                            ("refused", "Not sent"),
                            ("removed", "Removed"),
                        ],
                        default="ready",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "changed_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="changed"),
                ),
            ],
            options={
                "verbose_name": "queued message",
                "verbose_name_plural": "queued messages",
            },
        ),
        migrations.RemoveConstraint(
            model_name="attachment",
            name="attachment_lies_in_one_place",
        ),
        migrations.AddField(
            model_name="conversation",
            name="queue_revision",
            field=models.PositiveBigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="queuedmessage",
            name="author",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="author",
            ),
        ),
        migrations.AddField(
            model_name="queuedmessage",
            name="conversation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="queue",
                to="chat.conversation",
                verbose_name="conversation",
            ),
        ),
        migrations.AddField(
            model_name="attachment",
            name="queued",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="attachments",
                to="chat.queuedmessage",
                verbose_name="queued message",
            ),
        ),
        migrations.AddConstraint(
            model_name="attachment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("conversation", None), ("message", None)),
                    models.Q(("message", None), ("queued", None)),
                    models.Q(("conversation", None), ("queued", None)),
                    _connector="OR",
                ),
                name="attachment_lies_in_one_place",
            ),
        ),
        migrations.AddConstraint(
            model_name="queuedmessage",
            constraint=models.UniqueConstraint(
                fields=("author", "send_key"), name="queued_message_send_key_is_used_once"
            ),
        ),
    ]
