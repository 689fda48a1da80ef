"""Every tensor as it came, in batches; see ../config.pbtxt."""

import identity


class TritonPythonModel(identity.Identity):
    pass
