"""Every tensor as it came; see ../config.pbtxt."""

import identity


class TritonPythonModel(identity.Identity):
    pass
