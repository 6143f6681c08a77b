"""The addresses of the readers' pages. Those in mail are short, since `<URL>` has 76 characters
in a header.
"""

from django.urls import path, re_path

from subscriptions.pages import address, confirm, leave, preferences, sign_up

urlpatterns = [
    path("sign-up/", sign_up.sign_up, name="sign_up"),
    path("sign-up/sent/", sign_up.sign_up_sent, name="sign_up_sent"),
    path("preferences/", preferences.ask_preferences, name="ask_preferences"),
    path("preferences/sent/", preferences.ask_preferences_sent, name="ask_preferences_sent"),
    path("c/<str:token>/", confirm.confirm, name="confirm"),
    path("p/<str:token>/", preferences.preferences, name="preferences"),
    path("p/<str:token>/address/", address.ask, name="ask_address"),
    path("p/<str:token>/address/sent/", address.asked, name="ask_address_sent"),
    path("n/<str:token>/", address.change, name="change_address"),
    path("u/<str:token>/", leave.leave, name="leave"),
    path("u/<str:token>/leave/", leave.leave_by_button, name="leave_by_button"),
    path("u/<str:token>/come-back/", leave.come_back, name="come_back"),
    # Also the address that a mail program has changed: without its slash, in capitals, with a line
    # end. A redirect to the right one would turn a one-click POST into a GET.
    *(re_path(rf"^{letter}/(?P<token>[\s\S]+)\Z", leave.leave) for letter in "uU"),
]
