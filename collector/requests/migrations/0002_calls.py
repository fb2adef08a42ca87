import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notify', '0001_initial'),
        ('requests', '0001_requests'),
        ('service', '0002_seed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Watch',
            fields=[
                ('request', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='watch', serialize=False, to='requests.request')),
                ('touched_at', models.DateTimeField()),
                ('look_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Turn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('phase', models.CharField(choices=[('new', 'New'), ('assigned', 'Assigned'), ('answered', 'Answered'), ('reopened', 'Reopened')], max_length=20)),
                ('made_at', models.DateTimeField()),
                ('heard_at', models.DateTimeField(null=True)),
                ('silent', models.CharField(blank=True, max_length=20)),
                ('entry', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='turn', to='requests.entry')),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='turns', to='requests.request')),
            ],
            options={
                'ordering': ['id'],
                'indexes': [models.Index(condition=models.Q(('heard_at', None)), fields=['id'], name='request_turn_unheard')],
            },
        ),
        migrations.CreateModel(
            name='Call',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(choices=[('email', 'Email'), ('sms', 'Sms'), ('webhook', 'Webhook'), ('push', 'Push')], max_length=20)),
                ('address', models.CharField(max_length=1000)),
                ('due_at', models.DateTimeField()),
                ('dropped', models.CharField(blank=True, max_length=20)),
                ('outgoing', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='calls', to='notify.outgoing')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('turn', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='calls', to='requests.turn')),
            ],
            options={
                'ordering': ['id'],
                'indexes': [models.Index(condition=models.Q(('dropped', ''), ('outgoing', None)), fields=['due_at'], name='call_waiting')],
                'constraints': [models.UniqueConstraint(fields=('turn', 'channel', 'address'), name='one_call_of_a_turn')],
            },
        ),
        migrations.CreateModel(
            name='Escalation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurrence', models.CharField(max_length=60)),
                ('at', models.DateTimeField()),
                ('percent', models.FloatField(null=True)),
                ('told', models.JSONField(default=list)),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='escalations', to='requests.request')),
                ('rung', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='service.rung')),
            ],
            options={
                'ordering': ['at', 'id'],
                'constraints': [models.UniqueConstraint(fields=('request', 'rung', 'occurrence'), name='request_escalation_once')],
            },
        ),
    ]
