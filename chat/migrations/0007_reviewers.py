from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0006_budgets'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='is_reviewer',
            field=models.BooleanField(db_default=False, default=False, help_text="Sees the whole team's usage, and changes nothing.", verbose_name='reviewer'),
        ),
    ]
