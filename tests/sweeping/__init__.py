import pytest

pytest.register_assert_rewrite("tests.sweeping.apps")  # so that audits say what they found
