"""The pictures of a request, read and put into it as a service wants them."""

from __future__ import annotations

import base64
import logging

from django.conf import settings
from django.urls import reverse

from chat.completions.request import CompletionRequest, ImageFile, ImagePart, Part, TextPart
from chat.domain import files
from chat.imaging.kinds import SUFFIXES

logger = logging.getLogger(__name__)

# What a model is told in the place of a picture that is not on the disk any more.
MISSING = "(A picture that cannot be shown any more stood here.)"


def loaded(request: CompletionRequest) -> CompletionRequest:
    """Takes a while and much memory: off the loop, and right before it is sent."""
    return request.with_files(_read)


def _read(image: ImageFile) -> Part:
    if settings.PICTURE_LINKS:
        return ImagePart(_address(image))
    try:
        content = files.read(image.name)
    except OSError as problem:
        logger.error("A picture cannot be read: look at EVOWEB_FILES_DIR (%s)", problem.strerror)
        return TextPart(MISSING)
    return ImagePart(f"data:{image.content_type};base64,{base64.b64encode(content).decode()}")


def _address(image: ImageFile) -> str:
    """Of this file alone, for whoever has it, for an hour. Services look at the end of it."""
    name = f"{files.token_of(image.name)}.{SUFFIXES[image.content_type]}"
    return f"{settings.PUBLIC_URL}{reverse('fetched_picture', args=(name,))}"
