"""The addresses of the sockets."""

from django.urls import path, re_path

from chat.consumers import ConversationConsumer, NothingHere

websocket_urlpatterns = [
    path("ws/c/<uuid:conversation_id>/", ConversationConsumer.as_asgi()),
    path("ws/s/<str:token>/", ConversationConsumer.as_asgi()),
    re_path("", NothingHere.as_asgi()),
]
