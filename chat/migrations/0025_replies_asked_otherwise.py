from django.db import migrations, models


class Migration(migrations.Migration):
    """What one reply is asked with; null, as older processes leave it, means: as the conversation."""

    dependencies = [("chat", "0024_titles")]

    operations = [
        migrations.AddField(
            model_name="message",
            name="parameters",
            field=models.JSONField(blank=True, null=True, verbose_name="parameters"),
        ),
    ]
