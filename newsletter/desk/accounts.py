"""Staff accounts and groups: for superusers, since no group has a permission of the accounts."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from newsletter.desk.base import DeskAdmin

if TYPE_CHECKING:
    from django.contrib.auth.admin import UserAdmin

    DjangoUserAdmin = UserAdmin[User]
else:  # Django's class takes no type argument at run time
    from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class AccountAdmin(DjangoUserAdmin, DeskAdmin):
    """Accounts are switched off, not deleted: their decisions name them."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    actions = None


@admin.register(Group)
class StaffGroupAdmin(DjangoGroupAdmin, DeskAdmin):
    """The permissions of `editors` and `operators` are set anew at every migration; a group of
    one's own is left alone.
    """

    actions = None
