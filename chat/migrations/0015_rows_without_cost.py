from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('chat', '0014_corrections'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='completion',
            index=models.Index(condition=models.Q(('cost', None), ('state__in', ('final', 'estimated'))), fields=['model_asked'], name='completion_without_cost'),
        ),
    ]
