"""Every address of the site."""

from django.urls import include, path

from chat.admin import site

urlpatterns = [
    path("accounts/", include("chat.accounts_urls")),
    path("admin/", site.urls),
    path("", include("chat.urls")),
]

handler400 = "chat.views.errors.bad_request"
handler403 = "chat.views.errors.permission_denied"
handler404 = "chat.views.errors.not_found"
handler429 = "chat.views.people.too_many_attempts"
handler500 = "chat.views.errors.server_error"
