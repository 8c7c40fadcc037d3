"""Static files under hashed names, compressed once, so that browsers may keep them for ever."""

from servestatic.storage import CompressedManifestStaticFilesStorage


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    # Modules import one another by relative path; those paths get hashed names too.
    support_js_module_import_aggregation = True
