# The course in a container: everything inside, no network needed to run it, not root.
#   docker build -t image-models .                                                       for a CPU
#   docker build -t image-models --build-arg TORCH=https://download.pytorch.org/whl/cu126 .    for an NVIDIA GPU
#   docker run --rm -p 127.0.0.1:8888:8888 -v "$PWD/mine:/home/student/mine" image-models      then open the address that it prints
#   docker run --rm --network none -v "$PWD/submitted:/home/student/mine" image-models image-models-course mark mine --out mine/marks
FROM python:3.12-slim

# Where pip finds torch and torchvision: both from one index, since builds of two do not fit together.
ARG TORCH=https://download.pytorch.org/whl/cpu
ARG UID=1000

RUN useradd --create-home --uid ${UID} student
RUN pip install --no-cache-dir --index-url ${TORCH} --extra-index-url https://pypi.org/simple "torch>=2.11" "torchvision>=0.26"

COPY pyproject.toml README.md LICENSE LICENSE-TEXT /course/
COPY jupyter /course/jupyter
COPY data /course/data
COPY notebooks /course/notebooks
COPY helpers /course/helpers
RUN pip install --no-cache-dir /course && rm -rf /course

USER student
WORKDIR /home/student
RUN image-models-course copy-notebooks image-models-course
ENV OMP_NUM_THREADS=1
EXPOSE 8888
CMD ["image-models-course", "lab", "--no-browser", "--ip=0.0.0.0"]
