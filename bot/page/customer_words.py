"""The words of a customer's own page, in their language."""

from collections.abc import Mapping

_STAGES = ("queued", "sent", "delivered", "read", "failed", "withheld")
_NAMES = (
    "title", "saved", "strange", "gone", "unsaved", "agree", "service", "account", "first", "quiet", "from", "to",
    "never", "language", "save", "nothing", "means", "told", "none", "failed_way", "empty",
    *(f"stage_{name}" for name in _STAGES),
)  # fmt: skip
_TEXTS: Mapping[str, tuple[str, ...]] = {
    "en": (
        "Your messages", "Saved.", "That did not come from this page, so nothing was changed. Open the link again.",
        "This link does not work any more.", "Not saved. Please try again in a moment.", "What we may tell you",
        "Visits and requests", "Orders, invoices, contracts", "First of all by", "Nothing between", "from", "to",
        "The same time twice: at any time.", "Language", "Save", "Tell me nothing more",
        "You then get only what the law demands.", "What we told you", "Nothing yet.", "does not work",
        "Leave this empty", "waits", "sent", "delivered", "read", "not delivered", "not sent",
    ),
    "it": (
        "I Suoi messaggi", "Salvato.", "Non veniva da questa pagina, quindi nulla è cambiato. Apra di nuovo il link.",
        "Questo link non funziona più.", "Non salvato. Riprovi tra un momento.", "Che cosa possiamo dirLe",
        "Visite e richieste", "Ordini, fatture, contratti", "Prima di tutto con", "Nulla tra", "dalle", "alle",
        "La stessa ora due volte: a qualsiasi ora.", "Lingua", "Salva", "Non ditemi più nulla",
        "Riceverà solo ciò che la legge richiede.", "Che cosa Le abbiamo detto", "Ancora nulla.", "non funziona",
        "Lasciare vuoto", "in attesa", "inviato", "consegnato", "letto", "non consegnato", "non inviato",
    ),
    "de": (
        "Ihre Nachrichten", "Gespeichert.",
        "Das kam nicht von dieser Seite, deshalb wurde nichts geändert. Öffnen Sie den Link noch einmal.",
        "Dieser Link geht nicht mehr.", "Nicht gespeichert. Bitte gleich noch einmal.", "Was wir Ihnen sagen dürfen",
        "Termine und Anfragen", "Aufträge, Rechnungen, Verträge", "Zuerst per", "Nichts zwischen", "von", "bis",
        "Zweimal dieselbe Zeit: jederzeit.", "Sprache", "Speichern", "Nichts mehr mitteilen",
        "Sie bekommen dann nur, was das Gesetz verlangt.", "Was wir Ihnen gesagt haben", "Noch nichts.", "geht nicht",
        "Bitte leer lassen", "wartet", "gesendet", "zugestellt", "gelesen", "nicht zugestellt", "nicht gesendet",
    ),
    "fr": (
        "Vos messages", "Enregistré.", "Cela ne venait pas de cette page, rien n'a changé. Ouvrez à nouveau le lien.",
        "Ce lien ne fonctionne plus.", "Non enregistré. Réessayez dans un instant.", "Ce que nous pouvons vous dire",
        "Visites et demandes", "Commandes, factures, contrats", "D'abord par", "Rien entre", "de", "à",
        "Deux fois la même heure : à tout moment.", "Langue", "Enregistrer", "Ne plus rien me dire",
        "Vous ne recevrez que ce que la loi exige.", "Ce que nous vous avons dit", "Rien encore.", "ne fonctionne pas",
        "Laisser vide", "en attente", "envoyé", "remis", "lu", "non remis", "non envoyé",
    ),
    "es": (
        "Sus mensajes", "Guardado.", "Eso no venía de esta página, así que nada cambió. Abra el enlace otra vez.",
        "Este enlace ya no funciona.", "No se guardó. Inténtelo en un momento.", "Qué podemos decirle",
        "Visitas y solicitudes", "Pedidos, facturas, contratos", "Primero por", "Nada entre", "de", "a",
        "Dos veces la misma hora: a cualquier hora.", "Idioma", "Guardar", "No me digan nada más",
        "Recibirá solo lo que exige la ley.", "Qué le hemos dicho", "Nada todavía.", "no funciona", "Dejar vacío",
        "en espera", "enviado", "entregado", "leído", "no entregado", "no enviado",
    ),
}  # fmt: skip
WORDS: Mapping[str, Mapping[str, str]] = {
    language: dict(zip(_NAMES, texts, strict=True)) for language, texts in _TEXTS.items()
}
LANGUAGES = {"en": "English", "it": "Italiano", "de": "Deutsch", "fr": "Français", "es": "Español"}
MEDIA = {"sms": "SMS", "whatsapp": "WhatsApp", "telegram": "Telegram", "mail": "E-mail", "push": "Push"}
