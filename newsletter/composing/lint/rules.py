"""Rules: everything the lint looks for, with its level and its remedy. The ids are stable;
scripts may name them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that may be wrong with a mail. `remedy` says what to do instead."""

    level: Level
    remedy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule broken somewhere. `where` is a header, a line of the HTML or of the text; `what` is
    what stands there.
    """

    rule: str
    where: str
    what: str

    @property
    def level(self) -> Level:
        return RULES[self.rule].level

    @property
    def remedy(self) -> str:
        return RULES[self.rule].remedy


FINDINGS_DESCRIBED = 5


def describe(found: Iterable[Finding]) -> str:
    """Describe the first few findings in a line for staff."""
    return " ".join(
        f"{finding.rule} ({finding.where}: {finding.what})."
        for finding in [*dict.fromkeys(found)][:FINDINGS_DESCRIBED]
    )


def _errors(**remedies: str) -> dict[str, Rule]:
    return {name.replace("_", "-"): Rule("error", remedy) for name, remedy in remedies.items()}


def _warnings(**remedies: str) -> dict[str, Rule]:
    return {name.replace("_", "-"): Rule("warning", remedy) for name, remedy in remedies.items()}


FILE_RULES = _errors(
    not_a_mail="Give a whole mail with its headers (.eml), or HTML that begins with a tag.",
    too_large="Take out attachments and embedded images; nothing over 2,000,000 bytes is looked "
    "into.",
)
HEADER_RULES = {
    **_errors(
        unsubscribe_header_missing="Add List-Unsubscribe with one https address and "
        "List-Unsubscribe-Post (RFC 8058).",
        unsubscribe_header_form="Write List-Unsubscribe: <https://…>, and after a comma <mailto:…> "
        "if you like; exactly one https address.",
        unsubscribe_header_long="Keep <https://…> at 76 characters or less, brackets included; "
        "longer words become encoded ones.",
        unsubscribe_post_form="Write exactly List-Unsubscribe-Post: List-Unsubscribe=One-Click.",
        encoded_word_in_header="Encoded words belong in Subject and display names only; providers "
        "cannot read them here.",
        header_twice="Send this header once.",
        header_missing="Add this header; every mail must have it.",
        header_control_character="Remove control characters from header values.",
        header_not_ascii="Encode other characters as RFC 2047 words.",
        line_too_long="Fold or encode; no line may be over 998 bytes (RFC 5322).",
        many_recipients="Write one mail per reader, with exactly one address in To and none in Cc "
        "or Bcc.",
        message_id_local="Use the publication's own domain; a machine's name tells providers "
        "nothing.",
        receipt_requested="Do not ask for receipts.",
        attachment="Link to files; do not attach them.",
        parts_order="Make it multipart/alternative with text/plain first and text/html last.",
        charset="Declare and use UTF-8 in both parts.",
        broken_mime="Repair what the mail parser reports.",
        dkim_leaves_out="Set both unsubscribe headers before signing and name them in the "
        "signature's h= list.",
    ),
    **_warnings(
        subject_long="Keep the subject at 60 characters or less; phones cut the rest.",
        subject_empty="Name the lead paper and the date.",
        reply_to_missing="Name a mailbox that somebody reads in Reply-To.",
        list_id_form="Write List-Id: Name <label.domain> (RFC 2919), the same for ever.",
        feedback_id_form="Write Feedback-ID: issue:list:kind:sender, the last part constant, of 5 "
        "to 15 characters.",
        auto_submitted_missing="Add Auto-Submitted: auto-generated (RFC 3834), so that "
        "autoresponders stay quiet.",
        precedence_missing="Add Precedence: bulk.",
        auto_response_missing="Add X-Auto-Response-Suppress: OOF, AutoReply.",
    ),
}

DOCUMENT_RULES = {
    **_errors(
        html_missing="Add an HTML part.",
        doctype_missing="Begin the HTML with <!doctype html>.",
        too_heavy="Show fewer papers; over 80,000 bytes of HTML the end, and the way out with it, "
        "may be cut off.",
        lang_missing="Set lang on the html element and on a wrapper inside body, since some "
        "clients drop html and body.",
        dir_missing="Set dir on the html element and on a wrapper inside body.",
        title_missing="Give the document a title.",
        table_role_missing='Give every layout table role="presentation".',
        h1_count="Use exactly one h1.",
        heading_skipped="Let heading levels go down by one at a time.",
        alt_missing='Give every image an alt text, alt="" where it only decorates.',
        image_size_missing="Set width and height of the image as attributes.",
        image_kind="Use PNG, JPEG or GIF files by address; no SVG, picture, srcset, WebP, AVIF or "
        "data addresses.",
        open_pixel="Remove the tracking image; opens say nothing about people.",
        active_element="Remove it; mail clients drop scripts, forms, frames and media.",
        semantic_element="Use headings, tables and roles; many clients drop this element.",
        base_element="Write whole addresses.",
        hidden_attribute="Leave the content out; no large client honours hidden.",
        fragment_link="Remove it; links inside a mail do not work in most clients.",
        http_link="Use https.",
        ip_link="Link to a named host; filters distrust bare network addresses.",
        shortened_link="Link to the real address; filters distrust shorteners.",
        empty_link="Give the link an address.",
        address_in_link="Put no mail address into a link; use a signed token.",
        link_text_missing="Give the link a text.",
        link_text_meaningless="Say where the link leads, for example the paper's title.",
        link_text_bare="Write words instead of the address.",
        link_not_underlined="Underline links; colour alone is not seen by everyone.",
        conditional_comment_open="Close the conditional comment with <![endif]-->.",
        template_tag_left="Fill the template; a tag or an empty value is left in the mail.",
        unsubscribe_link_missing="Show a link to unsubscribe in the HTML and in the text part.",
        unsubscribe_link_late="Put a link to unsubscribe into the first 60,000 bytes of the HTML.",
        postal_address_missing="Show the postal address in both parts.",
        bidi_override="Remove U+202A to U+202E, and close every isolate.",
        bad_character="Remove control characters, lone surrogates and noncharacters.",
    ),
    **_warnings(
        preheader_missing="Begin the body with a hidden true summary of 40 to 110 characters.",
        preheader_length="Let the preview text have 40 to 110 characters.",
        link_text_twice="Tell links apart that lead to different places, by their text or by an "
        "aria-label that begins with it.",
        label_without_text="Give the element visible text; some clients drop aria-label.",
        target_attribute="Remove target; it is dropped.",
        raw_tex="Write formulas as Unicode text.",
        direction_not_isolated='Put right-to-left text into its own element with dir="rtl", or '
        "between isolates.",
        long_word="Break words of over 24 characters yourself, with zero-width spaces.",
        not_left_aligned="Align running text to the left.",
    ),
}

STYLE_RULES = {
    **_errors(
        external_style="Put the rules into the elements; linked style sheets, @import and "
        "@font-face are not loaded.",
        colour_syntax="Write colours as #rrggbb or rgb(1, 2, 3); newer syntax makes Gmail drop the "
        "whole style.",
        css_function="Write the value itself; var(), calc(), clamp(), min() and max() are not "
        "understood.",
        css_unit="Use px; rem, vh and vw are not understood.",
        flex_or_grid="Use tables.",
        positioning="Use tables; float and positions are not understood.",
        margin_unsafe="Use padding on td and the align attribute; no negative or auto margins, "
        "none on body or span.",
        padding_unsafe="Put padding on td only.",
        size_unsafe="Use the width attribute of table, td or img; widths of div, p, img and span "
        "are not understood.",
        motion_or_mask="Remove it; transforms, animations, filters and masks are not understood.",
        visibility="Leave the content out.",
        logical_property="Use left and right.",
        text_small="Set text in 14 px or more.",
        contrast_low="Darken the text or lighten what is behind it, to 4.5 to 1 (3 to 1 for large "
        "text).",
        contrast_low_inverted="Choose colours that keep 4.5 to 1 when a client inverts them.",
        contrast_low_dark="Choose colours of the dark rules that reach 4.5 to 1.",
    ),
    **_warnings(
        style_block_place="Keep style blocks in the head and under 16 kB; else Gmail ignores them.",
        selector_fragile="Use plain element and class selectors; many clients drop the others.",
        media_query_fragile="Do not nest media queries, and ask for no heights.",
        size_limit_unsafe="Set widths of tables by attribute; minimum and maximum sizes are not "
        "understood by Outlook.",
        decoration_fragile="Let the mail look right without it; Outlook drops it.",
        background_image="Set bgcolor as well.",
        hidden_by_display="Leave the content out; filters distrust hidden content.",
        wrapping_fragile="Break long words yourself.",
        box_fragile="Let the mail look right without it.",
        important_unsafe="Write !important in small letters, after a space, and not inline.",
        line_height_low="Set body text with a line height of 1.4 or more.",
    ),
}

TEXT_RULES = {
    **_errors(
        text_missing="Add a text part with the same papers and links.",
        link_not_in_text="Give the text part the same links.",
        link_not_in_html="Give the HTML part the same links.",
        heading_not_in_text="Give the text part the same papers.",
        papers_in_other_order="Show the papers in the same order in both parts.",
    ),
    **_warnings(
        text_line_wide="Keep lines of the text part to 78 columns; only addresses may be longer."
    ),
}

RULES: Mapping[str, Rule] = {
    **FILE_RULES,
    **HEADER_RULES,
    **DOCUMENT_RULES,
    **STYLE_RULES,
    **TEXT_RULES,
}

OWN_WORDS_RULES = frozenset({"template-tag-left", "link-text-meaningless", "link-text-bare"})
"""Rules about what a template leaves or says. A source's words and addresses are not judged by
them: a paper may be called “None” or “Here”.
"""
