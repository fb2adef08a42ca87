"""Articles and decision trees, their versions, what they are linked to, and who found them useful. A version is
written once and never changed."""

from django.conf import settings
from django.db import models

_USER = settings.AUTH_USER_MODEL


class Kind(models.TextChoices):
    ARTICLE = "article"
    TREE = "tree"


class State(models.TextChoices):
    """`draft` was never published; a published article may have a newer version that is not."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class Audience(models.TextChoices):
    """`customers`: contacts read it in the portal, without the parts for technicians."""

    STAFF = "staff"
    CUSTOMERS = "customers"


class Article(models.Model):
    """`current` is the version that readers see. `seed_digest`: of the shipped file that was seen last, empty where
    people wrote the article; `seed_waits`: a newer one is shipped, and people have changed this article."""

    slug = models.SlugField(max_length=80, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.ARTICLE)
    state = models.CharField(max_length=20, choices=State.choices, default=State.DRAFT)
    audience = models.CharField(max_length=20, choices=Audience.choices, default=Audience.STAFF)
    owner = models.ForeignKey(
        _USER, null=True, blank=True, on_delete=models.SET_NULL, related_name="articles"
    )
    review_due = models.DateField(null=True, blank=True)
    current = models.ForeignKey("Version", null=True, on_delete=models.SET_NULL, related_name="+")
    seed_digest = models.CharField(max_length=64, blank=True)
    seed_waits = models.BooleanField(default=False)

    class Meta:
        ordering = ["slug"]
        indexes = [models.Index(fields=["state", "review_due"], name="article_review")]

    def __str__(self) -> str:
        return self.slug


class Version(models.Model):
    """`texts`: {language: the fields of texts.Text}; `tree`: tree.Tree as data, {} for an article. `by` is None where
    Plomba wrote it."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    by = models.ForeignKey(_USER, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=400, blank=True)
    texts = models.JSONField(default=dict)
    tree = models.JSONField(default=dict)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["article", "number"], name="one_version_per_number")]


class LinkKind(models.TextChoices):
    """`code`: a fault code; `model`: a device's model or the beginning of its name."""

    CODE = "code"
    MODEL = "model"


class Link(models.Model):
    """What an article is about."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="links")
    kind = models.CharField(max_length=20, choices=LinkKind.choices)
    value = models.CharField(max_length=80)

    class Meta:
        ordering = ["kind", "value"]
        constraints = [
            models.UniqueConstraint(fields=["article", "kind", "value"], name="one_link_per_value")
        ]
        indexes = [models.Index(fields=["kind", "value"], name="article_link")]


class Entry(models.Model):
    """The published text of an article in one language as search sees it: folded word stems with spaces between.
    The database itself keeps its full-text index of this table (migration 0002). `staff` is what only staff may
    find."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="entries")
    language = models.CharField(max_length=5)
    title = models.TextField()
    keywords = models.TextField()
    summary = models.TextField()
    body = models.TextField()
    staff = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["article", "language"], name="one_entry_per_language")]


class Vote(models.Model):
    """Of one person on one article; a later one replaces it."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="votes")
    user = models.ForeignKey(_USER, on_delete=models.CASCADE, related_name="+")
    useful = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["article", "user"], name="one_vote_per_person")]


class ReviewTold(models.Model):
    """That the owner was told that the review of an article is due: once for a date. Whoever writes this row tells."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="+")
    due = models.DateField()
    told_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["article", "due"], name="review_told_once")]
