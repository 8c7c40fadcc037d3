from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0017_totals_of_conversations'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='shown_revision',
            field=models.PositiveBigIntegerField(db_default=0, default=0),
        ),
    ]
